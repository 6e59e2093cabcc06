// Zstandard for tests, whatever the machine: as WebAssembly, because zstd-napi is optional and Node has its
// own from 22.15 on alone.

import { Transform } from 'node:stream';
import { Zstd } from '@hpcc-js/wasm-zstd';

const zstd = await Zstd.load();

export function compress(bytes: Uint8Array): Buffer {
  return Buffer.from(zstd.compress(bytes));
}

export function decompress(bytes: Uint8Array): Buffer {
  return Buffer.from(zstd.decompress(bytes));
}

/** A stream that compresses. One at a time. */
export function openCompressor(): Transform {
  zstd.reset();
  return new Transform({
    transform: (bytes: Uint8Array, _encoding, done) => done(null, Buffer.from(zstd.compressChunk(bytes))),
    flush: (done) => done(null, Buffer.from(zstd.compressEnd())),
  });
}
