// Jest gives every test file its own typed-array constructors, but native modules accept only those of the
// process ("A float32 tensor's data must be type of function Float32Array()"). This environment passes the
// latter to tests.

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
