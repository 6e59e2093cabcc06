// Writes pairs.parquet: pairs come in one by one, and only a part of them is ever in memory.

import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { BIGINT, DOUBLE, INTEGER, VARCHAR } from '../data/duckdb/library.ts';
import { parquetSource, sqlName } from '../data/duckdb/duckdb.ts';
import { appendColumns, writeParquet } from '../data/duckdb/run-files.ts';
import { sha256File } from '../data/files/hash-files.ts';
import type { Pair } from './pair.ts';

/** A pair with what only the table has. */
export interface TablePair extends Pair {
  /** The benchmark test that the prompt has words of, as BENCHMARK/ITEM. */
  testItem: string | null;
  promptCharacters: number;
  chosenCharacters: number;
  rejectedCharacters: number;
  /** Log probabilities by the name of their column. */
  numbers: Readonly<Record<string, number>>;
}

interface Column {
  name: string;
  type: DuckDBType;
  valueOf: (pair: TablePair) => DuckDBValue;
}

const columns: readonly Column[] = [
  { name: 'pair', type: BIGINT, valueOf: ({ pair }) => BigInt(pair) },
  { name: 'id', type: VARCHAR, valueOf: ({ id }) => id },
  { name: 'file', type: VARCHAR, valueOf: ({ file }) => file },
  { name: 'line', type: BIGINT, valueOf: ({ line }) => BigInt(line) },
  { name: 'form', type: VARCHAR, valueOf: ({ form }) => form },
  { name: 'prompt', type: VARCHAR, valueOf: ({ prompt }) => prompt },
  { name: 'chosen', type: VARCHAR, valueOf: ({ chosen }) => chosen },
  { name: 'rejected', type: VARCHAR, valueOf: ({ rejected }) => rejected },
  { name: 'tools', type: VARCHAR, valueOf: ({ tools }) => tools },
  { name: 'source', type: VARCHAR, valueOf: ({ source }) => source },
  { name: 'category', type: VARCHAR, valueOf: ({ category }) => category },
  { name: 'language', type: VARCHAR, valueOf: ({ language }) => language },
  { name: 'score_chosen', type: DOUBLE, valueOf: ({ scoreChosen }) => scoreChosen },
  { name: 'score_rejected', type: DOUBLE, valueOf: ({ scoreRejected }) => scoreRejected },
  { name: 'prompt_hash', type: VARCHAR, valueOf: ({ promptHash }) => promptHash },
  { name: 'test_item', type: VARCHAR, valueOf: ({ testItem }) => testItem },
  { name: 'prompt_characters', type: INTEGER, valueOf: ({ promptCharacters }) => promptCharacters },
  { name: 'chosen_characters', type: INTEGER, valueOf: ({ chosenCharacters }) => chosenCharacters },
  { name: 'rejected_characters', type: INTEGER, valueOf: ({ rejectedCharacters }) => rejectedCharacters },
];

/** A part is as many pairs as this, or as many characters. */
const partPairs = 65_536;
const partCharacters = 64_000_000;
/** Pairs that are held before they go to the database. */
const heldPairs = 4096;
const heldCharacters = 16_000_000;

/** The parts as a table in SQL, and its columns of log probabilities. */
export interface Parts {
  table: string;
  numbers: string[];
}

export interface PairWriter {
  add(pair: TablePair): Promise<void>;
  /** Called once, when all pairs are added. */
  end(): Promise<Parts>;
}

/** Opens a writer of parts in `folder`. Errors of its methods: DISK_FULL, WRITE_FAILED. */
export async function openPairWriter(connection: DuckDBConnection, folder: string): Promise<PairWriter> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const parts: string[] = [];
  const names = new Set<string>();
  let held: TablePair[] = [];
  let characters = 0;
  let inPart = { pairs: 0, characters: 0, columns: [...columns] };

  const openPart = async (): Promise<void> => {
    const numbers = [...names].map((name): Column => ({
      name,
      type: DOUBLE,
      valueOf: (pair) => pair.numbers[name] ?? null,
    }));
    inPart = { pairs: 0, characters: 0, columns: [...columns, ...numbers] };
    const list = inPart.columns.map(({ name, type }) => `${sqlName(name)} ${type.toString()}`).join(', ');
    await connection.run(`CREATE OR REPLACE TABLE part (${list})`);
  };
  const closePart = async (): Promise<void> => {
    const path = join(folder, `${parts.length}.parquet`);
    await writeParquet(connection, 'SELECT * FROM part', path, {});
    await connection.run('DROP TABLE part');
    parts.push(path);
    inPart.pairs = 0;
  };
  const append = async (): Promise<void> => {
    const known = names.size;
    for (const { numbers } of held) for (const name of Object.keys(numbers)) names.add(name);
    if (inPart.pairs > 0 && names.size > known) await closePart();
    if (inPart.pairs === 0) await openPart();
    const appender = await connection.createAppender('part');
    const rows = held;
    appendColumns(
      appender,
      inPart.columns.map(({ type }) => type),
      rows.length,
      (column, from, to) => rows.slice(from, to).map((pair) => inPart.columns[column]?.valueOf(pair) ?? null),
    );
    appender.closeSync();
    inPart.pairs += held.length;
    inPart.characters += characters;
    held = [];
    characters = 0;
    if (inPart.pairs >= partPairs || inPart.characters >= partCharacters) await closePart();
  };

  return {
    async add(pair) {
      held.push(pair);
      characters += pair.prompt.length + pair.chosen.length + pair.rejected.length;
      if (held.length >= heldPairs || characters >= heldCharacters) await append();
    },
    async end() {
      if (held.length > 0 || parts.length === 0) await append();
      if (inPart.pairs > 0 || parts.length === 0) await closePart();
      return { table: parquetSource(parts, 'union_by_name = true'), numbers: [...names].sort() };
    },
  };
}

/** Writes the parts as one table. Errors: DISK_FULL, WRITE_FAILED. */
export async function joinParts(
  connection: DuckDBConnection,
  { table, numbers }: Parts,
  path: string,
): Promise<{ bytes: number; sha256: string }> {
  const list = [...columns.map(({ name }) => name), ...numbers].map(sqlName).join(', ');
  await writeParquet(connection, `SELECT ${list} FROM ${table}`, path, {});
  return { bytes: (await stat(path)).size, sha256: await sha256File(path) };
}
