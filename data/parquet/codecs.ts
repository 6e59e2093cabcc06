// Compression of whole Parquet pages. Pages are written with Zstandard in WebAssembly, which gives the same
// bytes on every version of Node.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { compress, decompress, init } from '@bokuweb/zstd-wasm';
import { snappyUncompressor } from 'hysnappy';
import { contentBytesOf } from '../compression/zstd-frames.ts';
import { openCursor, readVarInt } from './cursor.ts';
import { decompressLz4, decompressLz4Blocks } from './lz4.ts';

/** The codec of written pages, by its number in the format. */
export const zstdCodec = 6;

let loading: Promise<void> | undefined;

/** Loads the libraries; required before `compressPage` and `decompressPage`. */
export async function loadCodecs(): Promise<void> {
  await (loading ??= init());
}

export function compressPage(bytes: Uint8Array): Uint8Array {
  return compress(bytes);
}

// The library decompresses a page at once, with copies from any distance; snappy.ts decompresses a page piece
// by piece, with copies from up to 256 KiB back.
let snappy: ReturnType<typeof snappyUncompressor> | undefined;

/** Decompressors by the codecs' numbers in the format. Each returns at most `size` bytes, or throws. */
const decompressors: Readonly<Record<number, (bytes: Uint8Array, size: number) => Uint8Array>> = {
  0: (bytes) => bytes,
  1(bytes, size) {
    if (readVarInt(openCursor(bytes)) !== size) throw new Error('its size differs from its header');
    return (snappy ??= snappyUncompressor())(bytes, size);
  },
  2: (bytes, size) => gunzipSync(bytes, { maxOutputLength: Math.max(1, size) }),
  4: (bytes, size) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, size) }),
  5: decompressLz4Blocks,
  6(bytes, size) {
    // The library allocates as much memory as the frame header asks for.
    if ((contentBytesOf(bytes) ?? size) !== size) throw new Error('its size differs from its header');
    return decompress(bytes, { defaultHeapSize: size });
  },
  7: decompressLz4,
};

export function isKnownCodec(codec: number): boolean {
  return codec in decompressors;
}

/** Decompresses a page's bytes. Throws if they are damaged or do not have the size in the page's header. */
export function decompressPage(codec: number, bytes: Uint8Array, size: number): Uint8Array {
  if (size === 0) return new Uint8Array();
  const found = decompressors[codec]?.(bytes, size);
  if (found?.length !== size) throw new Error('it does not decompress to the size in its header');
  return found;
}
