// Splits Zstandard data (RFC 8878) into frames and accounts for every byte: complete frames and skippable
// frames, with nothing but zero padding between and after them. Frame ends are found here, from the block
// headers, so that the same rules apply to every decoder.

import { getEnvironmentData } from 'node:worker_threads';
import { type ByteReader, openByteReader, passZeros, unexpectedBytes } from './byte-reader.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import { limit, limitKey, maxWindowMegabytes } from '../../run/zstd-window.ts';

export interface ZstdFrame {
  headerBytes: number;
  /** How far back content may refer, which must fit in memory: at most the content's length, if known. */
  windowBytes: number;
  /** Length of the content, if it is in the header. */
  contentBytes: number | undefined;
  hasChecksum: boolean;
}

/**
 * Decompresses one frame, from header to checksum. Takes and yields pieces that are valid until the next is
 * requested. Throws if the frame is damaged.
 */
export type FrameDecoder = (bytes: AsyncIterable<Uint8Array>, frame: ZstdFrame) => AsyncIterable<Uint8Array>;

/**
 * Decompresses all frames. Throws with the reason and the byte offset at anything that is neither a complete
 * frame nor zero padding.
 */
export async function* decompressFrames(
  pieces: AsyncIterable<Uint8Array>,
  decode: FrameDecoder,
): AsyncGenerator<Uint8Array> {
  const bytes = openByteReader(pieces);
  try {
    do yield* readFrame(bytes, decode);
    while (await passZeros(bytes));
  } finally {
    await bytes.close();
  }
}

type Problem = (reason?: string, cause?: unknown) => Error;

async function* readFrame(bytes: ByteReader, decode: FrameDecoder): AsyncGenerator<Uint8Array> {
  const at = bytes.taken();
  const problem: Problem = (reason, cause) =>
    new Error(
      reason === undefined
        ? `it is truncated: the Zstandard frame that starts at byte ${at} is incomplete`
        : `the Zstandard frame that starts at byte ${at} ${reason}`,
      { cause },
    );
  const start = await bytes.peek(maxHeaderBytes);
  const isFrame = frameMagic.every((byte, i) => i >= start.length || start[i] === byte);
  const isSkippable = skippableMagic.every(
    (byte, i) => i >= start.length || (i === 0 ? (start[0] ?? 0) & 0xf0 : start[i]) === byte,
  );
  if (!isFrame && !isSkippable) throw new Error(unexpectedBytes('a Zstandard frame', at, start));
  if (isSkippable) {
    await skipFrame(bytes, start, problem);
    return;
  }
  const frame = readHeader(start, problem);
  checkWindow(frame.windowBytes, problem);
  let sourceError: unknown;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* takeFrame(bytes, frame, problem);
    } catch (error) {
      sourceError = error;
      throw error;
    }
  }
  let length = 0;
  try {
    for await (const piece of decode(source(), frame)) {
      length += piece.length;
      yield piece;
    }
  } catch (error) {
    throw error === sourceError ? error : problem(`cannot be decompressed: ${reasonOf(error)}`, error);
  }
  if (length !== (frame.contentBytes ?? length))
    throw problem(`is damaged: it has ${length} bytes of content, but its header says ${frame.contentBytes}`);
}

const frameMagic = [0x28, 0xb5, 0x2f, 0xfd];
/** Its first byte may be 0x50 to 0x5f. */
const skippableMagic = [0x50, 0x2a, 0x4d, 0x18];
const maxHeaderBytes = 18;

async function skipFrame(bytes: ByteReader, start: Uint8Array, problem: Problem): Promise<void> {
  if (start.length < 8) throw problem();
  for (let left = 8 + viewOf(start).readUInt32LE(4); left > 0;) {
    const held = await bytes.peek(1);
    if (held.length === 0) throw problem();
    const passed = Math.min(left, held.length);
    bytes.drop(passed);
    left -= passed;
  }
}

/**
 * The content length in the header of the frame that the bytes start with, if the header has it. Throws if
 * they do not start with a frame.
 */
export function contentBytesOf(frame: Uint8Array): number | undefined {
  const problem: Problem = (reason = 'is truncated') => new Error(`its Zstandard frame ${reason}`);
  if (!frameMagic.every((byte, i) => frame[i] === byte)) throw problem('has no header');
  return readHeader(frame, problem).contentBytes;
}

/** RFC 8878, 3.1.1.1. */
function readHeader(start: Uint8Array, problem: Problem): ZstdFrame {
  const flags = start[4] ?? 0;
  const isSingleSegment = (flags & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const dictionaryAt = isSingleSegment ? 5 : 6;
  const headerBytes = dictionaryAt + dictionaryBytes + sizeBytes;
  if (start.length < headerBytes) throw problem();
  if (flags & 8) throw problem('is damaged: a reserved bit of its header is set');
  const view = viewOf(start);
  const dictionary = dictionaryBytes === 0 ? 0 : view.readUIntLE(dictionaryAt, dictionaryBytes);
  if (dictionary !== 0)
    throw problem(
      `was compressed with a dictionary (number ${dictionary}), which is not supported: compress ` +
        'the file again without it',
    );
  const sizeAt = dictionaryAt + dictionaryBytes;
  const contentBytes =
    sizeBytes === 0
      ? undefined
      : sizeBytes === 8
        ? Number(view.readBigUInt64LE(sizeAt))
        : view.readUIntLE(sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const windowByte = start[5] ?? 0;
  const window = isSingleSegment ? Infinity : 2 ** (10 + (windowByte >> 3)) * (1 + (windowByte & 7) / 8);
  return {
    headerBytes,
    windowBytes: Math.min(window, contentBytes ?? Infinity),
    contentBytes,
    hasChecksum: (flags & 4) !== 0,
  };
}

function checkWindow(windowBytes: number, problem: Problem): void {
  const megabytes = Math.ceil(windowBytes / 2 ** 20);
  const most = limit.parse(getEnvironmentData(limitKey));
  if (megabytes <= most) return;
  const advice =
    megabytes <= maxWindowMegabytes
      ? `set ${limitKey} to ${megabytes} if every worker can have that much memory`
      : `no decoder supports more than ${maxWindowMegabytes} MiB`;
  throw problem(
    `needs a window of ${megabytes} MiB, but the setting ${limitKey} allows ${most} MiB: ${advice}, or ` +
      'compress the file again with a smaller --long',
  );
}

/** Yields the bytes of one frame, in whole blocks if they are available. */
async function* takeFrame(
  bytes: ByteReader,
  { headerBytes, hasChecksum }: ZstdFrame,
  problem: Problem,
): AsyncGenerator<Uint8Array> {
  // Invariant: the header of the next block, or the end of the frame after the last block, is `left` bytes
  // ahead.
  let left = headerBytes;
  for (let isLast = false; !isLast || left > 0;) {
    const least = left === 0 ? blockHeaderBytes : 1;
    const held = await bytes.peek(least);
    if (held.length < least) throw problem();
    let next = left;
    while (!isLast && next + blockHeaderBytes <= held.length) {
      const header = (held[next] ?? 0) | ((held[next + 1] ?? 0) << 8) | ((held[next + 2] ?? 0) << 16);
      const type = (header >> 1) & 3;
      if (type === 3) throw problem('is damaged: it has a block of an unknown type');
      isLast = (header & 1) === 1;
      next +=
        blockHeaderBytes +
        (type === repeatedByte ? 1 : header >> 3) +
        (isLast && hasChecksum ? checksumBytes : 0);
    }
    const part = held.subarray(0, next);
    left = next - part.length;
    yield part;
    bytes.drop(part.length);
  }
}

const blockHeaderBytes = 3;
/** The type of a block that repeats one stored byte. */
const repeatedByte = 1;
export const checksumBytes = 4;

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
