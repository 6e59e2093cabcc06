// The bytes of a file, decompressed where its format says so, as a stream that goes no faster than it is read.

import { createReadStream } from 'node:fs';
import { type Duplex, PassThrough, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ShardFormat } from './documents.ts';
import { BetrError, fail, reasonOf, systemCode } from './errors.ts';
import { openZstdDecompressor } from './zstd.ts';

const readBytes = 1 << 20;

/** Yields the file's content piece by piece. Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also for a compressed file that is damaged or cut short). */
export async function* readBytesOf(path: string, format: ShardFormat): AsyncGenerator<Uint8Array> {
  try {
    const decompressed = pipeline(createReadStream(path, { highWaterMark: readBytes }), await openDecompressor(format), () => undefined);
    for await (const piece of decompressed) {
      if (piece instanceof Uint8Array) yield piece;
    }
  } catch (error) {
    if (error instanceof BetrError) throw error;
    if (systemCode(error) === 'ENOENT') throw fail('FILE_NOT_FOUND', { path, what: 'The file' }, error);
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

async function openDecompressor(format: ShardFormat): Promise<Duplex> {
  if (format === 'jsonl.gz') return createGunzip({ chunkSize: readBytes });
  if (format === 'jsonl.zst') return openZstdDecompressor();
  return new PassThrough({ highWaterMark: readBytes });
}
