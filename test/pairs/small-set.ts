// A set of pairs in a run folder of its own, with difficulties that are given.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDuckDb } from '../../data/duckdb/duckdb.ts';
import { checkSet } from '../../pairs/check.ts';
import { type NewMeasurement, sqlCollect, writeMeasurement } from '../../pairs/measurement.ts';
import { openPairs } from '../../pairs/set.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';

export interface SmallPair {
  /** What a reference model says; larger is easier. null: the difficulty is unknown. */
  margin: number | null;
  row: Record<string, unknown>;
}

/** Pairs of strings in categories, from easy to hard in the order of the margins. */
export function textPairs(
  margins: readonly (number | null)[],
  category: (index: number) => string = () => 'chat',
): SmallPair[] {
  return margins.map((margin, index) => ({
    margin,
    row: {
      id: `p${index}`,
      prompt: `Question ${index}?`,
      chosen: `Good ${index}.`,
      rejected: `Bad ${index}.`,
      category: category(index),
    },
  }));
}

export const smallMeasurement: NewMeasurement = {
  name: 'columns',
  method: 'columns',
  proxy: false,
  beta: 0.01,
  checkpoints: 'last',
  settings: {},
  seconds: 1,
  notes: [],
};

/** Calls `use` with the run whose set "feedback" has these pairs, and removes the folder. */
export async function withSmallSet(
  pairs: readonly SmallPair[],
  use: (run: Run, folder: string) => Promise<void>,
  {
    settings = '',
    measurements = [smallMeasurement],
    references,
    files = {},
  }: {
    settings?: string;
    measurements?: readonly NewMeasurement[];
    /** SQL of log probabilities that every measurement has. */
    references?: string;
    files?: Record<string, string>;
  } = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-pairs-'));
  try {
    await mkdir(join(folder, 'pairs'));
    await writeFile(
      join(folder, 'pairs', 'a.jsonl'),
      pairs.map(({ row }) => `${JSON.stringify(row)}\n`).join(''),
    );
    await writeFile(
      join(folder, 'betr.yaml'),
      `corpus: {files: [corpus/*.jsonl]}\npairs:\n  - name: feedback\n    files: [pairs/*.jsonl]\n${settings}`,
    );
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const run = await openRun(join(folder, 'betr.yaml'));
    await checkSet(run, 'feedback', silent);
    const set = await openPairs(run, 'feedback');
    const known = pairs.flatMap(({ margin }, index) =>
      margin === null ? [] : [`(${index}, 'a', NULL, ${margin})`],
    );
    const values = `SELECT * FROM (VALUES ${known.join(', ')}) AS v(pair, model, step, margin)`;
    for (const given of measurements)
      await withDuckDb({ threads: 1 }, (connection) =>
        writeMeasurement(connection, set, given, sqlCollect(values, pairs.length), references),
      );
    await use(run, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Ten pairs: p0 and p9 are math and the hardest, p4 is unknown. */
export const ten = textPairs([-4, 5, 2, 3, null, 1, 0, -1, -2, -3], (index) =>
  index % 9 === 0 ? 'math' : 'chat',
);
