// Compression of whole Parquet pages. They are written in Zstandard, compiled to WebAssembly and so the same
// bytes whatever Node it runs on.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { compress, decompress, init } from '@bokuweb/zstd-wasm';
import { snappyUncompressor } from 'hysnappy';
import { contentBytesOf } from '../compression/zstd-frames.ts';
import { openCursor, readVarInt } from './cursor.ts';
import { decompressLz4, decompressLz4Blocks } from './lz4.ts';

/** The codec that is written, by its number in the format. */
export const zstdCodec = 6;

let loading: Promise<void> | undefined;

/** Makes `compressPage` and `decompressPage` ready. */
export async function loadCodecs(): Promise<void> {
  await (loading ??= init());
}

export function compressPage(bytes: Uint8Array): Uint8Array {
  return compress(bytes);
}

// The library takes a page at once and looks back as far as it likes; snappy.ts takes a page piece by piece,
// which the library cannot, and looks back 256 KiB.
let snappy: ReturnType<typeof snappyUncompressor> | undefined;

/** By the codecs' numbers in the format. Each decompresses to at most `size` bytes, or throws. */
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
    // The library makes as much room as the frame asks for.
    if ((contentBytesOf(bytes) ?? size) !== size) throw new Error('its size differs from its header');
    return decompress(bytes, { defaultHeapSize: size });
  },
  7: decompressLz4,
};

export function isKnownCodec(codec: number): boolean {
  return codec in decompressors;
}

/**
 * Decompresses a page's bytes. Throws where they are damaged, or do not have the size that the page's header
 * says.
 */
export function decompressPage(codec: number, bytes: Uint8Array, size: number): Uint8Array {
  if (size === 0) return new Uint8Array();
  const found = decompressors[codec]?.(bytes, size);
  if (found?.length !== size) throw new Error('it does not decompress to the size in its header');
  return found;
}
