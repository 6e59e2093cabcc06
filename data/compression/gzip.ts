// Decompresses gzip (RFC 1952) and accounts for every byte: complete members, with nothing but zero padding
// between and after them. Node's gunzip stops silently at a zero byte after a member and does not report
// where a problem is, so only its inflate is used here.

import { isNativeError } from 'node:util/types';
import * as zlib from 'node:zlib';
import { z } from 'zod';
import { type ByteReader, openByteReader, passZeros, unexpectedBytes } from './byte-reader.ts';
import { reasonOf, systemCode } from '../../run/errors/errors.ts';

const outBytes = 1 << 20;
const trailerBytes = 8;

/**
 * Decompresses members in pieces; a piece is valid until the next is requested. Throws with the reason and
 * the byte offset at anything that is not a complete member or zero padding.
 */
export async function* gunzip(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bytes = openByteReader(pieces);
  try {
    do yield* readMember(bytes);
    while (await passZeros(bytes));
  } finally {
    await bytes.close();
  }
}

async function* readMember(bytes: ByteReader): AsyncGenerator<Uint8Array> {
  const at = bytes.taken();
  const cutShort = (): Error =>
    new Error(`it is truncated: the gzip member that starts at byte ${at} is incomplete`);
  await passHeader(bytes, at, cutShort);
  let [crc, size] = [0, 0];
  for await (const piece of inflateMember(bytes, at, cutShort)) {
    crc = zlib.crc32(piece, crc);
    size = (size + piece.length) >>> 0;
    yield piece;
  }
  const trailer = await bytes.peek(trailerBytes);
  if (trailer.length < trailerBytes) throw cutShort();
  const view = Buffer.from(trailer.buffer, trailer.byteOffset, trailerBytes);
  if (view.readUInt32LE(0) !== crc)
    throw new Error(`the gzip member that starts at byte ${at} is damaged: its checksum does not match`);
  if (view.readUInt32LE(4) !== size)
    throw new Error(`the gzip member that starts at byte ${at} is damaged: its length does not match`);
  bytes.drop(trailerBytes);
}

async function passHeader(bytes: ByteReader, at: number, cutShort: () => Error): Promise<void> {
  let crc = 0;
  const pass = (part: Uint8Array): void => {
    crc = zlib.crc32(part, crc);
    bytes.drop(part.length);
  };
  const next = async (count: number): Promise<Buffer> => {
    const held = await bytes.peek(count);
    if (held.length < count) throw cutShort();
    return Buffer.from(held.subarray(0, count));
  };
  const start = await bytes.peek(10);
  if ([0x1f, 0x8b].some((byte, i) => i < start.length && start[i] !== byte))
    throw new Error(unexpectedBytes('a gzip member', at, start));
  const fixed = await next(10);
  const flags = fixed[3] ?? 0;
  if (fixed[2] !== 8 || flags >= 0x20)
    throw new Error(`the gzip member that starts at byte ${at} is damaged: its header is not valid`);
  pass(fixed);
  if (flags & 4) {
    const length = await next(2);
    pass(length);
    pass(await next(length.readUInt16LE(0)));
  }
  for (const flag of [8, 16]) {
    for (let ended = (flags & flag) === 0; !ended;) {
      await next(1);
      const held = await bytes.peek(1);
      const end = held.indexOf(0);
      ended = end >= 0;
      pass(held.subarray(0, ended ? end + 1 : held.length));
    }
  }
  if ((flags & 2) === 0) return;
  const expected = crc & 0xffff;
  const sum = await next(2);
  if (sum.readUInt16LE(0) !== expected)
    throw new Error(
      `the header of the gzip member that starts at byte ${at} is damaged: its checksum does not match`,
    );
  pass(sum);
}

/** Decompresses the data of one member and leaves the bytes after it. */
async function* inflateMember(bytes: ByteReader, at: number, cutShort: () => Error): AsyncGenerator<Buffer> {
  const small = inflateSmall((await bytes.peek(smallBytes)).subarray(0, smallBytes));
  if (small !== undefined) {
    bytes.drop(small.engine.bytesWritten);
    yield small.buffer;
    return;
  }
  const stream = zlib.createInflateRaw({ chunkSize: outBytes });
  // Invariant: the bytes that the stream used are taken from `bytes`; if it uses less than a whole piece, the
  // data has ended.
  const feeding = (async () => {
    for (let ended = false; !ended && !stream.destroyed;) {
      // A copy, because another thread reads it.
      const piece = Uint8Array.from(await bytes.peek(1));
      if (piece.length === 0) return void stream.end();
      const before = stream.bytesWritten;
      await new Promise<void>((resolve) => void stream.write(piece, () => resolve()));
      const used = stream.bytesWritten - before;
      bytes.drop(used);
      ended = used < piece.length;
    }
  })();
  // An error ends the stream.
  feeding.catch((error: unknown) =>
    stream.destroy(isNativeError(error) ? error : new Error(reasonOf(error))),
  );
  try {
    for await (const piece of stream) yield buffer.parse(piece);
    await feeding;
  } catch (error) {
    if (systemCode(error) === 'Z_BUF_ERROR') throw cutShort();
    throw systemCode(error) === 'Z_DATA_ERROR'
      ? new Error(`the gzip member that starts at byte ${at} is damaged: ${reasonOf(error)}`, {
          cause: error,
        })
      : error;
  } finally {
    stream.destroy();
  }
}

const buffer = z.instanceof(Buffer);

/** Largest compressed size of a small member; members written by bgzip are smaller. */
const smallBytes = 1 << 16;
const inflated = z.object({ buffer, engine: z.object({ bytesWritten: z.number() }) });

/**
 * Decompresses a small member at once, because opening a stream takes longer than decompressing a few
 * kilobytes. undefined if the bytes are incomplete or damaged; the stream then reports how.
 */
function inflateSmall(bytes: Uint8Array): z.output<typeof inflated> | undefined {
  try {
    const found = inflated.parse(
      zlib.inflateRawSync(bytes, {
        info: true,
        finishFlush: zlib.constants.Z_SYNC_FLUSH,
        maxOutputLength: outBytes,
      }),
    );
    return found.engine.bytesWritten < bytes.length ? found : undefined;
  } catch {
    return undefined;
  }
}
