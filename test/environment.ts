// The environment of the tests: as Node has it, as far as it matters to what is tested.
//
// Jest gives every test file a context with global variables that it can watch. Each use of one of them (`Math`,
// `Number`) costs as much as a hundred multiplications there, so loops take many times as long as they do in Node.
// Here, the context is one that Node does not watch.
//
// Jest also gives every test file its own typed-array constructors, but native modules accept only those of the
// process ("A float32 tensor's data must be type of function Float32Array()"). This environment passes the latter to
// tests.

import { TestEnvironment } from 'jest-environment-node';
import vm from 'node:vm';

const shared = {
  ArrayBuffer,
  SharedArrayBuffer,
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

const { createContext } = vm;

// A worker of Jest has 500 ms to end once all tests are done. A busy machine needs longer to free a large heap and what
// native modules hold; without this, the system frees it at once.
if (process.send !== undefined) process.once('beforeExit', () => process.exit());

export default class LikeNode extends TestEnvironment {
  constructor(...given: ConstructorParameters<typeof TestEnvironment>) {
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...given);
    } finally {
      vm.createContext = createContext;
    }
  }

  override async setup(): Promise<void> {
    await super.setup();
    Object.assign(this.global, shared);
  }
}
