// The documents that may be in the sample, in a DuckDB table that stays small: those above the cutoff are dropped.

import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, INTEGER, UBIGINT, VARCHAR } from '../../data/duckdb/library.ts';
import { type DocumentBatch, textOf } from '../../data/documents.ts';
import { keyHash } from '../../data/files/hash.ts';
import { appendColumns } from '../../data/duckdb/run-files.ts';
import { offer, type Smallest } from './smallest.ts';

export const columns =
  'hash UBIGINT, document VARCHAR, shard_number INTEGER, row DOUBLE, source VARCHAR, tokens DOUBLE, text VARCHAR';
const types = [UBIGINT, VARCHAR, INTEGER, DOUBLE, VARCHAR, DOUBLE, VARCHAR];

interface Candidates {
  append(
    batch: DocumentBatch,
    shard: number,
    picked: readonly number[],
    hashes: readonly bigint[],
  ): Promise<void>;
  /** Call this before reading or replacing the table. */
  flush(): void;
}

/** Text to collect before handing it to DuckDB: one handover costs more than reading a small file. */
const textBytesPerFlush = 4 << 20;

export function openCandidates(connection: DuckDBConnection): Candidates {
  let appender: DuckDBAppender | undefined;
  let textBytes = 0;
  const flush = (): void => {
    appender?.closeSync();
    appender = undefined;
    textBytes = 0;
  };
  return {
    async append(batch, shard, picked, hashes) {
      appender ??= await connection.createAppender('candidates');
      appendPicked(appender, batch, shard, picked, hashes);
      textBytes += batch.text.length;
      if (textBytes >= textBytesPerFlush) flush();
    },
    flush,
  };
}

/**
 * Adds the batch's documents that may be in the sample to the candidates, and drops candidates that no
 * longer can be.
 */
export async function takeBatch(
  connection: DuckDBConnection,
  candidates: Candidates,
  smallest: Smallest,
  batch: DocumentBatch,
  shard: number,
  seed: number,
): Promise<void> {
  const before = smallest.cutoff;
  const picked: number[] = [];
  const hashes: bigint[] = [];
  for (let i = 0; i < batch.count; i++) {
    const hash = keyHash(batch.documents[i] ?? '', seed);
    if (!offer(smallest, hash)) continue;
    picked.push(i);
    hashes.push(hash);
  }
  if (picked.length > 0) await candidates.append(batch, shard, picked, hashes);
  if (smallest.cutoff === before) return;
  candidates.flush();
  await pruneCandidates(connection, smallest.cutoff);
}

function appendPicked(
  appender: DuckDBAppender,
  batch: DocumentBatch,
  shard: number,
  picked: readonly number[],
  hashes: readonly bigint[],
): void {
  const valueOf = [
    (i: number) => hashes[i] ?? 0n,
    (i: number) => batch.documents[picked[i] ?? 0] ?? '',
    () => shard,
    (i: number) => batch.rows[picked[i] ?? 0] ?? 0,
    (i: number) => batch.sources[picked[i] ?? 0] ?? '',
    (i: number) => numberOrNull(batch.tokens[picked[i] ?? 0]),
    (i: number) => textOf(batch, picked[i] ?? 0),
  ];
  appendColumns(appender, types, picked.length, (column, from, to) =>
    Array.from({ length: to - from }, (_, i) => valueOf[column]?.(from + i) ?? null),
  );
}

function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Drops candidates above the cutoff by copying the others, because deleted rows would keep their space. */
export async function pruneCandidates(connection: DuckDBConnection, cutoff: bigint): Promise<void> {
  await connection.run(`CREATE TABLE kept AS SELECT * FROM candidates WHERE hash <= ${cutoff}`);
  await connection.run('DROP TABLE candidates');
  await connection.run('ALTER TABLE kept RENAME TO candidates');
}
