// Zstandard by the fastest way there is: Node's own (22.15 and later), else zstd-napi, else for reading plain JavaScript.
// zstd-napi is an optional dependency, because it has to be compiled where no ready-made binary can be had.

import { Duplex, pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { z } from 'zod';
import { fail, reasonOf } from './errors.ts';
import { copyPieces } from './files.ts';

/** Takes frames in pieces; gives a piece that is of use until the next is asked for; throws where the input ends within a frame. */
export type ZstdDecompressor = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** The ways to decompress, fastest first; undefined where this installation lacks one. Each works on one file. */
export const zstdDecompressors = [openOwnDecompressor, openNativeDecompressor, openSlowDecompressor];

/** The fastest way to decompress one file that this installation has. */
export async function openZstdDecompressor(): Promise<ZstdDecompressor> {
  return (await openFastZstdDecompressor()) ?? openSlowDecompressor();
}

/** The same, undefined where there is none but the slow one. */
export async function openFastZstdDecompressor(): Promise<ZstdDecompressor | undefined> {
  return openOwnDecompressor() ?? openNativeDecompressor();
}

/** A stream that compresses. Errors: ZSTD_MISSING. */
export async function openZstdCompressor(): Promise<Duplex> {
  const own = openOwn('createZstdCompress');
  if (own !== undefined) return own;
  const native = await importNative();
  if (native === undefined) throw fail('ZSTD_MISSING', { node: process.version });
  return new native.CompressStream();
}

const creator = z.custom<(options: { chunkSize: number }) => unknown>((value) => typeof value === 'function');

function openOwn(name: 'createZstdDecompress' | 'createZstdCompress'): Duplex | undefined {
  const create = creator.safeParse(Reflect.get(zlib, name));
  const stream = create.success ? create.data({ chunkSize: outBytes }) : undefined;
  return stream instanceof Duplex ? stream : undefined;
}

interface NativeDecompressor {
  /** Returns what it wants next (0: the frame has ended), and the bytes produced and consumed. */
  decompressStream(out: Uint8Array, input: Uint8Array): [hint: number, produced: number, consumed: number];
}

const isClass = (value: unknown): boolean => typeof value === 'function';
const streamModule = z.object({ CompressStream: z.custom<new () => Duplex>(isClass) });
const bindingModule = z.object({ default: z.object({ DCtx: z.custom<new () => NativeDecompressor>(isClass) }) });

/** What is used of zstd-napi. Its modules are named by no literal, because where it could not be installed its types are missing too. */
async function importNative(): Promise<{ CompressStream: new () => Duplex; DCtx: new () => NativeDecompressor } | undefined> {
  const name = 'zstd-napi';
  try {
    return { ...streamModule.parse(await import(name)), ...bindingModule.parse(await import(`${name}/binding.js`)).default };
  } catch {
    return undefined;
  }
}

const outBytes = 1 << 20;
const cutShort = 'it ends in the middle of a Zstandard frame';

function openOwnDecompressor(): ZstdDecompressor | undefined {
  const stream = openOwn('createZstdDecompress');
  return stream === undefined ? undefined : (pieces) => pipeline(copyPieces(pieces), stream, () => undefined);
}

/** Not zstd-napi's own stream: that one holds all that a piece decompresses to, which for a piece of repetitions is gigabytes. */
async function openNativeDecompressor(): Promise<ZstdDecompressor | undefined> {
  const native = await importNative();
  if (native === undefined) return undefined;
  return async function* decompress(pieces) {
    const context = new native.DCtx();
    const out = Buffer.allocUnsafeSlow(outBytes);
    let expected = 1;
    for await (const piece of pieces) {
      let rest = piece;
      let full = false;
      while (rest.length > 0 || full) {
        const [hint, produced, consumed] = context.decompressStream(out, rest);
        if (produced > 0) yield out.subarray(0, produced);
        rest = rest.subarray(consumed);
        full = produced === outBytes && hint > 0;
        expected = hint;
      }
    }
    if (expected > 0) throw new Error(cutShort);
  };
}

/** Input goes in by small steps, because all that a step decompresses to is held (a block of 4 bytes can stand for 128 KiB). */
const slowStepBytes = 4096;

function openSlowDecompressor(): ZstdDecompressor {
  return async function* decompress(pieces) {
    const held: Uint8Array[] = [];
    const decoder = new Decompress((piece) => held.push(piece));
    let empty = true;
    for await (const piece of pieces) {
      empty = false;
      for (let at = 0; at < piece.length; at += slowStepBytes) {
        decoder.push(Uint8Array.from(piece.subarray(at, at + slowStepBytes)));
        yield* held.splice(0);
      }
    }
    if (empty) throw new Error(cutShort);
    try {
      decoder.push(new Uint8Array(0), true);
    } catch (error) {
      throw /unexpected EOF/.test(reasonOf(error)) ? new Error(cutShort, { cause: error }) : error;
    }
    yield* held;
  };
}
