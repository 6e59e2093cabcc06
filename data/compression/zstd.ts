// Zstandard by the fastest library there is: zstd-napi, else Node's own (22.15 and later), else for reading
// JavaScript. What they have in common, and what a file has to be, is in zstd-frames.ts. zstd-napi is an
// optional dependency, because it has to be compiled where no ready-made binary can be had.

import { Duplex, pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import xxhash from 'xxhash-wasm';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { copyPieces } from '../files/files.ts';
import { checksumBytes, decompressFrames, type FrameDecoder } from './zstd-frames.ts';

/**
 * Takes a file's bytes in pieces; yields pieces of its content, each valid until the next is asked for;
 * throws where `decompressFrames` does.
 */
export type ZstdDecompressor = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** The decoders, fastest first; undefined where this installation lacks one. Each is for one file. */
export const zstdDecoders = [openNativeDecoder, openNodeDecoder, openSlowDecoder];

/** The fastest way to decompress one file that this installation has. */
export async function openZstdDecompressor(): Promise<ZstdDecompressor> {
  return (await openFastZstdDecompressor()) ?? decompressor(openSlowDecoder());
}

/** The same, undefined where there is none but the slow one. */
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
/** libzstd's ZSTD_d_windowLogMax, and the most that it takes: how large a window may be is checked before. */
const windowLogMax = { parameter: 100, value: 31 };

interface Options {
  chunkSize?: number;
  maxOutputLength?: number;
  params?: Record<number, number>;
}

const duplex = z.instanceof(Duplex);
const buffer = z.instanceof(Buffer);
const isFunction = (value: unknown): boolean => typeof value === 'function';
/** What Node has from 22.15 on. */
const nodeZstd = z
  .object({
    createZstdCompress: z.custom<(options: Options) => unknown>(isFunction),
    createZstdDecompress: z.custom<(options: Options) => unknown>(isFunction),
    zstdDecompressSync: z.custom<(bytes: Uint8Array, options: Options) => unknown>(isFunction),
  })
  .safeParse(zlib).data;

interface NativeDecompressor {
  setParameter(parameter: number, value: number): void;
  /** Returns what it wants next (0: the frame has ended), and the bytes produced and consumed. */
  decompressStream(out: Uint8Array, input: Uint8Array): [hint: number, produced: number, consumed: number];
}

const streamModule = z.object({ CompressStream: z.custom<new () => Duplex>(isFunction) });
const bindingModule = z.object({
  default: z.object({ DCtx: z.custom<new () => NativeDecompressor>(isFunction) }),
});

/**
 * What is used of zstd-napi. Its modules are named by no literal, because where it could not be installed its
 * types are missing too.
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
 * Not zstd-napi's own stream: that one holds all that a piece decompresses to, which for a piece of
 * repetitions is gigabytes.
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
      // To open a stream takes longer than to decompress a small frame.
      const pieces: Uint8Array[] = [];
      for await (const piece of copyPieces(bytes)) pieces.push(piece);
      yield buffer.parse(zstdDecompressSync(Buffer.concat(pieces), { maxOutputLength: outBytes, params }));
      return;
    }
    // A stream reads one frame and no more. It may have one piece still in hand as it asks for the next.
    yield* pipeline(
      copyPieces(bytes),
      duplex.parse(createZstdDecompress({ chunkSize: outBytes, params })),
      () => undefined,
    );
  };
}

/**
 * Input goes in by small steps, because all that a step decompresses to is held (a block of 4 bytes can stand
 * for 128 KiB).
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
    // A header of our own, as fzstd makes room for the window that the header names, however little content
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

/** The byte for the smallest window that is no smaller (RFC 8878, 3.1.1.1.2). */
function windowDescriptor(windowBytes: number): number {
  for (let byte = 0; byte < 256; byte++)
    if (2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8) >= windowBytes) return byte;
  throw new Error(`there is no window of ${windowBytes} bytes`);
}
