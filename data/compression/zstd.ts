// Zstandard with the fastest available library: zstd-napi, then Node (22.15 and later), then JavaScript, for
// reading only. zstd-frames.ts has what they share. zstd-napi is an optional dependency because it must be
// compiled if there is no prebuilt binary.

import { Duplex, pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { copyPieces } from '../files/files.ts';
import { checksumBytes, decompressFrames, type FrameDecoder } from './zstd-frames.ts';

/**
 * Takes a file's bytes in pieces and yields pieces of its content, each valid until the next is requested.
 * Throws like `decompressFrames`.
 */
export type ZstdDecompressor = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Opens the decoders, fastest first; each decoder reads one file. undefined if it is not available. */
export const zstdDecoders = [openNativeDecoder, openNodeDecoder, openSlowDecoder];

/** Opens the fastest available decompressor, for one file. */
export async function openZstdDecompressor(): Promise<ZstdDecompressor> {
  return (await openFastZstdDecompressor()) ?? decompressor(openSlowDecoder());
}

/** The same; undefined if only the slow one is available. */
export async function openFastZstdDecompressor(): Promise<ZstdDecompressor | undefined> {
  const decoder = (await openNativeDecoder()) ?? openNodeDecoder();
  return decoder === undefined ? undefined : decompressor(decoder);
}

function decompressor(decode: FrameDecoder): ZstdDecompressor {
  return (pieces) => decompressFrames(pieces, decode);
}

/** A stream that compresses. Errors: ZSTD_MISSING. */
export async function openZstdCompressor(): Promise<Duplex> {
  if (nodeZstd !== undefined) return duplex.parse(nodeZstd.createZstdCompress({ chunkSize: outBytes }));
  const native = await importNative();
  if (native === undefined) throw fail('ZSTD_MISSING', { node: process.version });
  return new native.CompressStream();
}

const outBytes = 1 << 20;
/** libzstd's ZSTD_d_windowLogMax at its maximum; the window size is checked earlier. */
const windowLogMax = { parameter: 100, value: 31 };

interface Options {
  chunkSize?: number;
  maxOutputLength?: number;
  params?: Record<number, number>;
}

const duplex = z.instanceof(Duplex);
const buffer = z.instanceof(Buffer);
const isFunction = (value: unknown): boolean => typeof value === 'function';
/** Node's functions since 22.15. */
const nodeZstd = z
  .object({
    createZstdCompress: z.custom<(options: Options) => unknown>(isFunction),
    createZstdDecompress: z.custom<(options: Options) => unknown>(isFunction),
    zstdDecompressSync: z.custom<(bytes: Uint8Array, options: Options) => unknown>(isFunction),
  })
  .safeParse(zlib).data;

interface NativeDecompressor {
  setParameter(parameter: number, value: number): void;
  /** Returns a hint of the next input size (0: the frame has ended), and the bytes produced and consumed. */
  decompressStream(out: Uint8Array, input: Uint8Array): [hint: number, produced: number, consumed: number];
}

const streamModule = z.object({ CompressStream: z.custom<new () => Duplex>(isFunction) });
const bindingModule = z.object({
  default: z.object({ DCtx: z.custom<new () => NativeDecompressor>(isFunction) }),
});

/**
 * Imports the used parts of zstd-napi. The module name is not a literal because its types are missing if it
 * could not be installed.
 */
async function importNative(): Promise<
  { CompressStream: new () => Duplex; DCtx: new () => NativeDecompressor } | undefined
> {
  const name = 'zstd-napi';
  try {
    return {
      ...streamModule.parse(await import(name)),
      ...bindingModule.parse(await import(`${name}/binding.js`)).default,
    };
  } catch {
    return undefined;
  }
}

/**
 * Does not use zstd-napi's stream, which holds everything that a piece decompresses to: gigabytes for
 * repetitive data.
 */
async function openNativeDecoder(): Promise<FrameDecoder | undefined> {
  const native = await importNative();
  if (native === undefined) return undefined;
  const context = new native.DCtx();
  context.setParameter(windowLogMax.parameter, windowLogMax.value);
  const out = Buffer.allocUnsafeSlow(outBytes);
  return async function* decode(bytes) {
    let hint = 1;
    for await (const piece of bytes) {
      let rest = piece;
      for (let isFull = false; rest.length > 0 || isFull;) {
        const [wanted, produced, consumed] = context.decompressStream(out, rest);
        if (produced > 0) yield out.subarray(0, produced);
        rest = rest.subarray(consumed);
        isFull = produced === outBytes && wanted > 0;
        hint = wanted;
      }
    }
    if (hint > 0) throw new Error('its blocks end before its content is complete');
  };
}

function openNodeDecoder(): FrameDecoder | undefined {
  if (nodeZstd === undefined) return undefined;
  const { createZstdDecompress, zstdDecompressSync } = nodeZstd;
  const params = { [windowLogMax.parameter]: windowLogMax.value };
  return async function* decode(bytes, { contentBytes = Infinity }) {
    if (contentBytes <= outBytes) {
      // Opening a stream takes longer than decompressing a small frame.
      const pieces: Uint8Array[] = [];
      for await (const piece of copyPieces(bytes)) pieces.push(piece);
      yield buffer.parse(zstdDecompressSync(Buffer.concat(pieces), { maxOutputLength: outBytes, params }));
      return;
    }
    // A stream reads exactly one frame. It may still hold one piece while it requests the next.
    yield* pipeline(
      copyPieces(bytes),
      duplex.parse(createZstdDecompress({ chunkSize: outBytes, params })),
      () => undefined,
    );
  };
}

/**
 * Input is pushed in small steps because everything that a step decompresses to is held (a block of 4 bytes
 * can stand for 128 KiB).
 */
const slowStepBytes = 4096;

function openSlowDecoder(): FrameDecoder {
  const hashes = xxhash();
  return async function* decode(bytes, { headerBytes, windowBytes, hasChecksum }) {
    const hash = (await hashes).create64();
    const held: Uint8Array[] = [];
    const decoder = new Decompress((piece) => held.push(piece));
    function* push(step: Uint8Array, isLast = false): Generator<Uint8Array> {
      decoder.push(step, isLast);
      for (const piece of held.splice(0)) {
        hash.update(piece);
        yield piece;
      }
    }
    // A replacement header, because fzstd allocates the window in the header no matter how little content
    // there is.
    yield* push(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, hasChecksum ? 4 : 0, windowDescriptor(windowBytes)));
    let toPass = headerBytes;
    let end = new Uint8Array();
    for await (const piece of bytes) {
      const passed = Math.min(toPass, piece.length);
      toPass -= passed;
      for (let at = passed; at < piece.length; at += slowStepBytes)
        yield* push(Uint8Array.from(piece.subarray(at, at + slowStepBytes)));
      end = Uint8Array.from([...end, ...piece.subarray(-checksumBytes)].slice(-checksumBytes));
    }
    yield* push(new Uint8Array(), true);
    if (hasChecksum && Buffer.from(end).readUInt32LE(0) !== Number(BigInt.asUintN(32, hash.digest())))
      throw new Error('its checksum does not match');
  };
}

/** The descriptor of the smallest window of at least `windowBytes` (RFC 8878, 3.1.1.1.2). */
function windowDescriptor(windowBytes: number): number {
  for (let byte = 0; byte < 256; byte++)
    if (2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8) >= windowBytes) return byte;
  throw new Error(`there is no window of ${windowBytes} bytes`);
}
