// A set of preference pairs in the run folder: its files, its card, and its rows.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readSealedJson } from '../data/files/commit.ts';
import { openDuckDb, parquetSource, sqlName } from '../data/duckdb/duckdb.ts';
import { toJs } from '../data/duckdb/library.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { fail, ifThere } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import type { PairsSettings } from '../run/pair-settings.ts';
import { type PairsCard, pairsCardSchema } from './card.ts';
import { type Pair, pairForms } from './pair.ts';

/** The files of a set, in run/pairs/NAME/. */
export interface PairFiles {
  folder: string;
  table: string;
  card: string;
  quarantine: string;
  /** Parts of the table while it is being written. */
  parts: string;
  measurements: string;
}

export interface PairSet {
  name: string;
  settings: PairsSettings;
  card: PairsCard;
  /** A fingerprint of the card, and so of every pair. Measurements record it. */
  seal: string;
  files: PairFiles;
}

export function pairFiles(run: Run, name: string): PairFiles {
  const folder = join(run.files.pairs, name);
  return {
    folder,
    table: join(folder, 'pairs.parquet'),
    card: join(folder, 'pairs.json'),
    quarantine: join(folder, 'quarantine.jsonl'),
    parts: join(folder, 'parts'),
    measurements: join(folder, 'measurements'),
  };
}

/** The settings of a set. Errors: PAIRS_UNKNOWN. */
export function pairSettings(run: Run, name: string): PairsSettings {
  const found = run.settings.pairs.find((set) => set.name === name);
  if (found !== undefined) return found;
  throw fail('PAIRS_UNKNOWN', { name, known: run.settings.pairs.map((set) => set.name) });
}

/**
 * Opens a set that `betr pairs check` has read. Errors: PAIRS_UNKNOWN, STEP_MISSING, and FILE_DAMAGED if the card or
 * the size of pairs.parquet has changed.
 */
export async function openPairs(run: Run, name: string): Promise<PairSet> {
  const settings = pairSettings(run, name);
  const files = pairFiles(run, name);
  const command = `betr pairs check ${name}`;
  const card = await readSealedJson(files.card, pairsCardSchema, command);
  const found = card && (await ifThere(stat(files.table)));
  if (card === undefined || found === undefined)
    throw fail('STEP_MISSING', { need: `set of pairs "${name}" in the run folder`, command });
  if (found.size !== card.table.bytes)
    throw fail('FILE_DAMAGED', {
      path: files.table,
      reason: `it has ${found.size} bytes, but ${card.table.bytes} in pairs.json`,
      command,
    });
  return { name, settings, card, seal: sealOf(card), files };
}

/** The seal that measurements of this card record. */
export function sealOf(card: PairsCard): string {
  return fingerprint(card);
}

/** The set's rows as a table in SQL. */
export function pairTable({ files }: Pick<PairSet, 'files'>): string {
  return parquetSource(files.table);
}

const pairRow = z
  .tuple([
    z.number(),
    z.string(),
    z.string(),
    z.number(),
    z.enum(pairForms),
    z.string(),
    z.string(),
    z.string(),
    z.string().nullable(),
    z.string().nullable(),
    z.string().nullable(),
    z.string().nullable(),
    z.number().nullable(),
    z.number().nullable(),
    z.string(),
  ])
  .transform(
    ([
      pair,
      id,
      file,
      line,
      form,
      prompt,
      chosen,
      rejected,
      tools,
      source,
      category,
      language,
      scoreChosen,
      scoreRejected,
      promptHash,
    ]): Pair => ({
      pair,
      id,
      file,
      line,
      form,
      prompt,
      chosen,
      rejected,
      tools,
      source,
      category,
      language,
      scoreChosen,
      scoreRejected,
      promptHash,
    }),
  );
const pairColumns =
  'pair::DOUBLE, id, file, line::DOUBLE, form, prompt, chosen, rejected, tools, source, category, language, ' +
  'score_chosen, score_rejected, prompt_hash';

/**
 * Yields the set's pairs in order, some thousand at a time; with `where`, only those that an SQL condition accepts.
 * Errors: FILE_DAMAGED.
 */
export async function* streamPairs(set: PairSet, where = 'true'): AsyncGenerator<Pair[]> {
  const sql = `SELECT ${pairColumns} FROM ${pairTable(set)} WHERE ${where}`;
  for await (const rows of streamRows(sql)) yield z.array(pairRow).parse(rows);
}

/** Also NaN and infinities. */
const anyNumber = z.custom<number>((value) => typeof value === 'number');

/** The same for numbers: yields the values of these columns, row by row; null where a pair has none. */
export async function* streamNumbers(
  set: PairSet,
  columns: readonly string[],
): AsyncGenerator<(number | null)[][]> {
  const sql = `SELECT ${columns.map((column) => `${sqlName(column)}::DOUBLE`).join(', ')} FROM ${pairTable(set)}`;
  for await (const rows of streamRows(sql)) yield z.array(z.array(anyNumber.nullable())).parse(rows);
}

async function* streamRows(sql: string): AsyncGenerator {
  const { connection, close } = await openDuckDb({ threads: 1, memoryMb: 1024 });
  try {
    for await (const chunk of streamChunks(connection, sql)) yield chunk.convertRows(toJs);
  } finally {
    close();
  }
}
