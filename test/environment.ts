// Jest gives every test file its own typed-array constructors; native modules know only the process's own ("A
// float32 tensor's data must be type of function Float32Array()"). This environment hands the process's own
// to the tests.

import { TestEnvironment } from 'jest-environment-node';

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

export default class NativeArrays extends TestEnvironment {
  override async setup(): Promise<void> {
    await super.setup();
    Object.assign(this.global, shared);
  }
}
