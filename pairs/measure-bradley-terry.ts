// Measures difficulty by a proxy that needs no model and no Python: a linear Bradley-Terry model, cross-fitted like the
// reference models of the method. Each of six models learns from one half of the pairs and judges the other one.

import type { DuckDBConnection } from '@duckdb/node-api';
import { readBytes, readStrings } from '../data/duckdb/columns.ts';
import { withDuckDb } from '../data/duckdb/duckdb.ts';
import { BIGINT, DOUBLE, INTEGER, VARCHAR } from '../data/duckdb/library.ts';
import { appendColumns, withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { streamAhead } from '../data/duckdb/stream.ts';
import { openRandom } from '../data/seeded-random.ts';
import { formatCount, formatShare } from '../run/amounts.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { type AnswerDifference, learnPreferences, marginUnder, openDifferences } from './bradley-terry.ts';
import { type PairSplits, splitCount, splitPairs } from './folds.ts';
import { type Measurement, writeMeasurement } from './measurement.ts';
import { parseMessages } from './pair.ts';
import { type PairSet, pairTable } from './set.ts';

/** More would hardly change a model of words, and no longer fit in memory: about 4 kB each. */
const mostLearned = 100_000;
const encoder = new TextEncoder();

/** Errors: PAIRS_NOT_SPLIT, those of `writeMeasurement`. */
export async function measureByBradleyTerry(
  run: Run,
  set: PairSet,
  seed: number,
  report: Report,
): Promise<Measurement> {
  const startedMs = performance.now();
  report({ stage: 'pairs: split', done: 0, total: set.card.pairs, unit: 'pairs' });
  const splits = await splitPairs(set, seed);
  const models = await learnModels(set, splits, seed, report);
  return withSpillingDuckDb(run.files.spill, async (connection) => {
    const { right, judged } = await judgeAll(connection, set, splits, models, report);
    const accuracy = judged === 0 ? 0 : right / judged;
    return writeMeasurement(
      connection,
      set,
      {
        name: seed === 1 ? 'bradley-terry' : `bradley-terry-seed${seed}`,
        method: 'bradley-terry',
        proxy: true,
        beta: null,
        checkpoints: 'last',
        folds: { splits: splitCount, groups: splits.groups, largestGroup: splits.largest.pairs },
        seeds: [seed],
        settings: { accuracy, mostLearned },
        seconds: (performance.now() - startedMs) / 1000,
        notes: [
          `The models prefer the chosen answer in ${formatShare(accuracy)} of ${formatCount(judged)} pairs that they ` +
            'did not learn from (by chance: 50%).',
          ...splits.notes,
        ],
      },
      sqlRows,
    );
  });
}

/** The models of each split: [split][half that it learned from]. */
async function learnModels(
  set: PairSet,
  { halves }: PairSplits,
  seed: number,
  report: Report,
): Promise<Float32Array[][]> {
  const share = mostLearned / set.card.pairs;
  const random = openRandom(seed);
  const learned: number[] = [];
  const differences: AnswerDifference[] = [];
  await forEachDifference(set, (pair, difference) => {
    if (share < 1 && random() >= share) return;
    learned.push(pair);
    differences.push(difference);
  });
  return halves.map((half, split) =>
    [0, 1].map((side) => {
      report({ stage: 'pairs: learn', done: 2 * split + side, total: 2 * splitCount, unit: 'models' });
      const own = differences.filter((_, at) => half[learned[at] ?? 0] === side);
      return learnPreferences(own, seed + 2 * split + side);
    }),
  );
}

const types = [BIGINT, ...Array.from({ length: splitCount }, () => [INTEGER, DOUBLE]).flat(), VARCHAR];
const columns = [
  'pair BIGINT',
  ...Array.from({ length: splitCount }, (_, split) => `half${split} INTEGER, margin${split} DOUBLE`),
  'unknown VARCHAR',
];

/** A model is named by its split and by the half that it learned from. */
const sqlRows = `SELECT pair, [${Array.from(
  { length: splitCount },
  (_, split) =>
    `{model: '${split}' || CASE half${split} WHEN 0 THEN 'b' ELSE 'a' END, steps: [NULL::DOUBLE], ` +
    `margins: [margin${split}]}`,
).join(', ')}] AS models, unknown FROM judged`;

/** Fills the table `judged`, in the order of the pairs. */
async function judgeAll(
  connection: DuckDBConnection,
  set: PairSet,
  { halves }: PairSplits,
  models: readonly (readonly Float32Array[])[],
  report: Report,
): Promise<{ right: number; judged: number }> {
  await connection.run(`CREATE TABLE judged (${columns.join(', ')})`);
  const appender = await connection.createAppender('judged');
  let rows: (bigint | number | string | null)[][] = [];
  let [right, judged] = [0, 0];
  const flush = (): void => {
    const held = rows;
    appendColumns(appender, types, held.length, (column, from, to) =>
      held.slice(from, to).map((row) => row[column] ?? null),
    );
    rows = [];
  };
  await forEachDifference(set, (pair, difference) => {
    const isKnown = difference.values.some((value) => value !== 0);
    let sum = 0;
    const row: (bigint | number | string | null)[] = [BigInt(pair)];
    for (const [split, half] of halves.entries()) {
      const own = half[pair] ?? 0;
      const margin = marginUnder(models[split]?.[1 - own] ?? new Float32Array(), difference);
      sum += margin;
      row.push(own, margin);
    }
    row.push(isKnown ? null : 'the answers have the same words');
    if (isKnown) judged++;
    if (isKnown && sum > 0) right++;
    if (rows.push(row) >= 8192) {
      flush();
      report({ stage: 'pairs: judge', done: pair, total: set.card.pairs, unit: 'pairs' });
    }
  });
  flush();
  appender.closeSync();
  return { right, judged };
}

/** Passes how the answers of each pair differ to `take`, in order. Errors: FILE_DAMAGED. */
async function forEachDifference(
  set: PairSet,
  take: (pair: number, difference: AnswerDifference) => void,
): Promise<void> {
  const differ = openDifferences();
  await withDuckDb({ threads: 1 }, async (connection) => {
    let pair = 0;
    for await (const chunk of streamAhead(
      connection,
      `SELECT form, chosen, rejected FROM ${pairTable(set)}`,
    )) {
      const [chosen, rejected] = [readBytes(chunk, 1), readBytes(chunk, 2)];
      for (const [row, form] of readStrings(chunk, 0).entries())
        take(pair++, differ(bytesOf(form, chosen[row]), bytesOf(form, rejected[row])));
    }
  });
}

function bytesOf(form: string | undefined, bytes: Uint8Array = new Uint8Array()): Uint8Array {
  if (form !== 'messages') return bytes;
  const turns = parseMessages(Buffer.from(bytes).toString('utf8'));
  return encoder.encode(turns.map(({ content }) => content ?? '').join('\n\n'));
}
