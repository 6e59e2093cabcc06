// Zstandard streams by the fastest way there is: Node's own (22.15 and later), else zstd-napi, else for reading plain JavaScript.
// zstd-napi is an optional dependency, because it has to be compiled where no ready-made binary can be had.

import { Duplex, Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { fail } from './errors.ts';

/** A stream that decompresses; it fails where the input ends within a frame. */
export async function openZstdDecompressor(): Promise<Duplex> {
  const own = openOwn('createZstdDecompress');
  if (own !== undefined) return own;
  const native = await importNative();
  return native === undefined ? openSlowDecompressor() : new native.DecompressStream();
}

/** A stream that compresses. Errors: ZSTD_MISSING. */
export async function openZstdCompressor(): Promise<Duplex> {
  const own = openOwn('createZstdCompress');
  if (own !== undefined) return own;
  const native = await importNative();
  if (native === undefined) throw fail('ZSTD_MISSING', { node: process.version });
  return new native.CompressStream();
}

function openOwn(name: 'createZstdDecompress' | 'createZstdCompress'): Duplex | undefined {
  const create: unknown = Reflect.get(zlib, name);
  const stream: unknown = typeof create === 'function' ? create() : undefined;
  return stream instanceof Duplex ? stream : undefined;
}

async function importNative(): Promise<typeof import('zstd-napi') | undefined> {
  try {
    return await import('zstd-napi');
  } catch {
    return undefined;
  }
}

function openSlowDecompressor(): Transform {
  const decoder = new Decompress();
  const stream = new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      decoder.push(piece);
      done();
    },
    flush(done) {
      decoder.push(new Uint8Array(0), true);
      done();
    },
  });
  decoder.ondata = (piece) => stream.push(Buffer.from(piece));
  return stream;
}
