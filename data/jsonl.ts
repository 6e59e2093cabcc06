// JSON Lines in, batches of documents out. The scanner takes the ordinary lines; what it finds odd goes to the slow reader, which says what is wrong.

import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { type BatchBuilder, openBatch } from './batch.ts';
import { readBytesOf } from './bytes.ts';
import type { DocumentBatch, Shard } from './documents.ts';
import { isCount, readLine, splitName } from './json-line.ts';
import { type LineBlock, readLineBlocks } from './lines.ts';
import type { Quarantine } from './quarantine.ts';
import type { FieldNames } from './settings.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from './wasm.ts';

/** A longer line is no document; it is quarantined without being held. */
export const maxLineBytes = 64 << 20;

const exportsSchema = z.object({
  memory: wasmMemory,
  fieldsAt: wasmNumber,
  fieldBytes: wasmNumber,
  blockAt: wasmNumber,
  recordNumbers: wasmNumber,
  scan: wasmFunction<(length: number, textsAt: number, recordsAt: number) => number>(),
});

/** Reads a JSON Lines shard, plain or compressed. Bad rows go to the quarantine. Errors: FILE_NOT_FOUND, FILE_UNREADABLE. */
export async function* readJsonl(shard: Shard, fields: FieldNames, quarantine: Quarantine): AsyncGenerator<DocumentBatch> {
  const scanner = openScanner(fields);
  const batch = openBatch(shard.name);
  for await (const block of readLineBlocks(readBytesOf(shard.path, shard.format), maxLineBytes)) {
    if (block.tooLong) quarantine.add(shard.name, block.firstLine, `line of more than ${maxLineBytes} bytes`);
    else yield* takeBlock(scanner, block, batch, { shard, fields, quarantine });
  }
  const last = batch.take();
  if (last !== undefined) yield last;
}

interface Context {
  shard: Shard;
  fields: FieldNames;
  quarantine: Quarantine;
}

/** A block as the scanner left it: the bytes, the texts, and the records (layout: json-scan.as.ts), all in the scanner's memory. */
interface Scanned {
  memory: Buffer;
  textsAt: number;
  records: Uint32Array;
  recordNumbers: number;
  count: number;
}

type Scanner = (block: Uint8Array) => Scanned;

function* takeBlock(scan: Scanner, block: LineBlock, batch: BatchBuilder, context: Context): Generator<DocumentBatch> {
  const { memory, textsAt, records, recordNumbers, count } = scan(block.bytes);
  const allUtf8 = isUtf8(block.bytes);
  let textStart = textsAt;
  for (let at = 0; at < count * recordNumbers; at += recordNumbers) {
    const number = (offset: number): number => records[at + offset] ?? 0;
    const row = block.firstLine + number(0);
    const textEnd = number(10);
    const line = memory.subarray(number(1), number(2));
    const tokens = number(8) === 0 ? Number.NaN : Number(memory.toString('latin1', number(8), number(9)));
    if (number(3) === 1 || !isCount(tokens) || (!allUtf8 && !isUtf8(line))) takeOdd(line, row, batch, context);
    else batch.add(row, readValue(memory, number(4), number(5)) || undefined, readValue(memory, number(6), number(7)), tokens, memory.subarray(textStart, textEnd));
    textStart = textEnd;
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function takeOdd(line: Uint8Array, row: number, batch: BatchBuilder, { shard, fields, quarantine }: Context): void {
  const result = readLine(line, fields);
  if (result.kind === 'document') batch.add(row, result.id, result.source, result.tokens, Buffer.from(result.text));
  else if (result.kind === 'bad') quarantine.add(shard.name, row, result.reason, Buffer.from(line.subarray(0, 800)).toString('utf8'));
}

/** The string or number between two places; '' where there is none. */
function readValue(memory: Buffer, start: number, end: number): string {
  if (start === 0) return '';
  if (memory[start] !== 0x22) return String(Number(memory.toString('latin1', start, end)));
  const inner = memory.toString('utf8', start + 1, end - 1);
  return inner.includes('\\') ? z.string().parse(JSON.parse(`"${inner}"`)) : inner;
}

function openScanner(fields: FieldNames): Scanner {
  const wasm = openWasm(new URL('./json-scan.wasm', import.meta.url), exportsSchema);
  const names = [fields.id, fields.text, fields.source, fields.tokens].map((name) => splitName(name).map((part) => Buffer.from(part)));
  const setup = Buffer.from(wasm.memory.buffer);
  for (const [field, [parent = Buffer.alloc(0), inner = Buffer.alloc(0)]] of names.entries()) {
    const entry = wasm.fieldsAt + field * wasm.fieldBytes;
    setup.writeUInt32LE(parent.length, entry);
    setup.writeUInt32LE(inner.length, entry + 4);
    Buffer.concat([parent, inner]).copy(setup, entry + 8, 0, wasm.fieldBytes - 8);
  }
  return (block) => {
    const spare = 32;
    const textsAt = roundUp(wasm.blockAt + block.length + spare);
    const recordsAt = roundUp(textsAt + block.length + spare);
    // The shortest line with a record is one byte and a line feed.
    const recordBytes = 4 * wasm.recordNumbers * (countRecords(block) + 1);
    growMemory(wasm.memory, recordsAt + recordBytes);
    const memory = Buffer.from(wasm.memory.buffer);
    memory.set(block, wasm.blockAt);
    memory.fill(0, wasm.blockAt + block.length, wasm.blockAt + block.length + spare);
    const count = wasm.scan(block.length, textsAt, recordsAt);
    return { memory, textsAt, records: new Uint32Array(wasm.memory.buffer, recordsAt, count * wasm.recordNumbers), recordNumbers: wasm.recordNumbers, count };
  };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function countRecords(block: Uint8Array): number {
  let lines = 0;
  for (let at = block.indexOf(0x0a); at >= 0; at = block.indexOf(0x0a, at + 1)) lines++;
  return lines;
}
