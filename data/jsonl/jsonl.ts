// JSON Lines in, batches of documents out. The scanner handles ordinary lines; all others go to the slow
// parser, which reports what is wrong.

import { isUtf8 } from 'node:buffer';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { type BatchBuilder, emptyBatch, openBatch } from '../batch.ts';
import { readBytesOf } from '../files/bytes.ts';
import type { Chunk, DocumentBatch, Shard } from '../documents.ts';
import { findKeys } from '../../run/fields/field-path.ts';
import { isCount, numberName, parseRow, readLine, wellFormed } from './json-line.ts';
import { type LineBlock, lineFeed, readLineBlocks } from './lines.ts';
import { openScanner, type Scan, scannedFields } from './scanner.ts';
import type { Quarantine } from '../files/quarantine.ts';
import type { FieldNames } from '../../run/settings.ts';

const quote = 0x22;

/** Longer lines are quarantined without being held in memory. */
export const defaultMaxLineBytes = 64 << 20;

export interface ReadOptions {
  /** Receives the invalid rows. */
  quarantine: Quarantine;
  maxLineBytes?: number;
  /** The part of the shard to read; by default, all of it. */
  chunk?: Chunk;
  /** The first row to read; earlier rows of the chunk are skipped. */
  fromRow?: number;
  /** Read only these rows of a Parquet shard; at least one. */
  onlyRows?: readonly number[];
  /** Approximate text bytes per batch, to get smaller batches than by default. */
  batchBytes?: number;
  /**
   * Collects the fields that occur in a JSON Lines shard, even if null. If set, every block ends with an
   * empty batch, so that a search for fields can stop there.
   */
  met?: Set<keyof FieldNames>;
  /** An open database, for formats that need one. */
  connection?: DuckDBConnection;
}

/**
 * Reads a JSON Lines shard, compressed or not, and yields an empty batch for every block that it skips.
 * Invalid rows go to the quarantine. Returns the row after the last. Errors: FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function* readJsonl(
  shard: Shard,
  fields: FieldNames,
  options: ReadOptions,
): AsyncGenerator<DocumentBatch, number> {
  const {
    quarantine,
    maxLineBytes = defaultMaxLineBytes,
    chunk = { firstRow: 0 },
    fromRow = chunk.firstRow,
    met,
  } = options;
  const scanner = openScanner(fields);
  const batch = openBatch(shard.name, options.batchBytes);
  const range =
    chunk.startByte === undefined || chunk.endByte === undefined
      ? undefined
      : { start: chunk.startByte, end: chunk.endByte };
  let endRow = chunk.firstRow;
  try {
    for await (const block of readLineBlocks(
      readBytesOf(shard.path, shard.format, range),
      maxLineBytes,
      chunk.firstRow,
    )) {
      endRow = block.firstLine + block.lines;
      // Lets the caller stop: there may be gigabytes before the first row.
      if (endRow <= fromRow) yield emptyBatch(shard.name);
      else if (block.tooLong) quarantine.add(shard.name, block.firstLine, tooLongReason(maxLineBytes));
      else
        yield* takeBlock(scanner.scan, dropLines(block, fromRow - block.firstLine), batch, {
          shard,
          fields,
          quarantine,
          met,
        });
      if (met !== undefined) yield emptyBatch(shard.name);
    }
    const last = batch.take();
    if (last !== undefined) yield last;
    return endRow;
  } finally {
    batch.close();
    scanner.close();
  }
}

/** The block without its first `count` lines. */
function dropLines(block: LineBlock, count: number): LineBlock {
  if (count <= 0) return block;
  let start = 0;
  for (let i = 0; i < count; i++) start = block.bytes.indexOf(lineFeed, start) + 1;
  return {
    ...block,
    bytes: block.bytes.subarray(start),
    firstLine: block.firstLine + count,
    lines: block.lines - count,
  };
}

export function tooLongReason(maxLineBytes: number): string {
  return `line longer than ${maxLineBytes} bytes`;
}

interface Context {
  shard: Shard;
  fields: FieldNames;
  quarantine: Quarantine;
  met: ReadOptions['met'];
}

function* takeBlock(
  scan: Scan,
  block: LineBlock,
  batch: BatchBuilder,
  context: Context,
): Generator<DocumentBatch> {
  const { memory, textsAt, records, recordNumbers, met } = scan(block);
  for (const [number, field] of scannedFields.entries())
    if ((met & (1 << number)) !== 0) context.met?.add(field);
  const allUtf8 = isUtf8(block.bytes);
  // Invariant: texts before `copied` are in the batch; texts from there to `textStart` belong to documents in
  // the batch but are not copied yet.
  let copied = textsAt;
  let textStart = textsAt;
  for (let at = 0; at < records.length; at += recordNumbers) {
    const textEnd = records[at + 10] ?? 0;
    if (!addOrdinary(memory, records, at, textEnd - textStart, block.firstLine, allUtf8, batch)) {
      batch.addTexts(memory.subarray(copied, textStart));
      copied = textEnd;
      addOdd(
        memory.subarray(records[at + 1], records[at + 2]),
        block.firstLine + (records[at] ?? 0),
        batch,
        context,
      );
    }
    textStart = textEnd;
    if (!batch.isFull()) continue;
    batch.addTexts(memory.subarray(copied, textStart));
    copied = textStart;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
  batch.addTexts(memory.subarray(copied, textStart));
}

/** Adds the document of the record at `at`, without its text, if the line is ordinary. */
function addOrdinary(
  memory: Buffer,
  records: Uint32Array,
  at: number,
  textBytes: number,
  firstLine: number,
  allUtf8: boolean,
  batch: BatchBuilder,
): boolean {
  if (records[at + 3] === 1 || (!allUtf8 && !isUtf8(memory.subarray(records[at + 1], records[at + 2]))))
    return false;
  const tokensAt = records[at + 8] ?? 0;
  const tokens = tokensAt === 0 ? Number.NaN : Number(memory.toString('latin1', tokensAt, records[at + 9]));
  if (!isCount(tokens) || (tokensAt !== 0 && memory[tokensAt] === quote)) return false;
  const id = readValue(memory, records[at + 4] ?? 0, records[at + 5] ?? 0);
  batch.addDocument(
    firstLine + (records[at] ?? 0),
    id,
    readValue(memory, records[at + 6] ?? 0, records[at + 7] ?? 0),
    tokens,
    textBytes,
  );
  return true;
}

function addOdd(
  line: Uint8Array,
  row: number,
  batch: BatchBuilder,
  { shard, fields, quarantine, met }: Context,
): void {
  if (met !== undefined) for (const field of listFields(line, fields)) met.add(field);
  const result = readLine(line, fields);
  if (result.kind === 'bad')
    quarantine.add(shard.name, row, result.reason, Buffer.from(line.subarray(0, 800)).toString('utf8'));
  if (result.kind !== 'document') return;
  const text = Buffer.from(result.text);
  batch.addDocument(row, result.id, result.source, result.tokens, text.length);
  batch.addTexts(text);
}

function listFields(line: Uint8Array, fields: FieldNames): (keyof FieldNames)[] {
  const row = parseRow(line);
  return typeof row === 'object'
    ? scannedFields.filter((field) => findKeys(row, fields[field]) !== undefined)
    : [];
}

/** The string or number between two positions, with all digits of a whole number; '' if there is none. */
function readValue(memory: Buffer, start: number, end: number): string {
  if (start === 0) return '';
  if (memory[start] !== quote) return numberName(memory.toString('latin1', start, end));
  const inner = memory.toString('utf8', start + 1, end - 1);
  return inner.includes('\\') ? wellFormed(z.string().parse(JSON.parse(`"${inner}"`))) : inner;
}
