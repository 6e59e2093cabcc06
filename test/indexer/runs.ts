// Runs of a small corpus about kitchens and space, with a bag-of-words endpoint, for tests of the index.

import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../run/run.ts';
import { type BagOfWords, openBagOfWords } from './bag-of-words.ts';

export const kitchen = [
  'boil',
  'bake',
  'stir',
  'salt',
  'flour',
  'oven',
  'butter',
  'pan',
  'soup',
  'dough',
  'knife',
  'dish',
];
export const space = [
  'star',
  'orbit',
  'planet',
  'comet',
  'galaxy',
  'moon',
  'rocket',
  'light',
  'sun',
  'probe',
  'dust',
  'field',
];

/** A few words, in a different order for each number. */
export function words(of: readonly string[], number: number): string {
  return Array.from({ length: 8 }, (_, i) => of[(number * (i + 3) + i * i) % of.length]).join(' ');
}

export const documents = [
  ...Array.from({ length: 30 }, (_, i) => ({
    id: `kitchen-${i}`,
    source: 'kitchen',
    text: `${words(kitchen, i)} number${'x'.repeat(i % 7)} ${i}`,
  })),
  ...Array.from({ length: 30 }, (_, i) => ({
    id: `space-${i}`,
    source: 'space',
    text: `${words(space, i)} number${'y'.repeat(i % 7)} ${i}`,
  })),
];
export const cooking = Array.from({ length: 6 }, (_, i) => ({
  id: `c${i}`,
  question: `How to ${words(kitchen, i + 40)}?`,
  answer: 'slowly',
}));
export const astronomy = Array.from({ length: 9 }, (_, i) => ({
  id: `a${i}`,
  question: `Where is ${words(space, i + 50)}?`,
  choices: ['here', 'far'],
  gold: 1,
}));

export function lines(rows: readonly unknown[]): string {
  return rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export let root: string;
export let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-index-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

let number = 0;
beforeEach(() => {
  bag.texts = [];
  bag.failAfter = Infinity;
});

interface Inputs {
  shards?: Readonly<Record<string, readonly unknown[]>>;
  benchmarks?: Readonly<Record<string, readonly unknown[]>>;
  settings?: Readonly<Record<string, unknown>>;
}

/** A run in a temporary folder, with files made of these rows. */
export async function makeRun({
  shards = { a: documents.slice(0, 35), b: documents.slice(35) },
  benchmarks = { cooking, astronomy },
  settings = {},
}: Inputs = {}): Promise<Run> {
  const folder = join(root, `run${number++}`);
  await mkdir(join(folder, 'corpus'), { recursive: true });
  for (const [name, rows] of Object.entries(shards))
    await writeFile(join(folder, 'corpus', `${name}.jsonl`), lines(rows));
  for (const [name, rows] of Object.entries(benchmarks))
    await writeFile(join(folder, `${name}.jsonl`), lines(rows));
  const all = {
    corpus: { files: ['corpus/*.jsonl'] },
    benchmarks: Object.keys(benchmarks).map((name) => ({ name, files: [`${name}.jsonl`] })),
    embedding: { model: bag.url, endpointModel: 'bag' },
    ...settings,
  };
  // JSON is YAML.
  await writeFile(join(folder, 'betr.yaml'), JSON.stringify(all));
  return openRun(join(folder, 'betr.yaml'));
}

export const row = z.record(z.string(), z.unknown());

export async function readRows(path: string, columns = '*'): Promise<z.output<typeof row>[]> {
  return withDuckDb({}, async (connection) =>
    z
      .array(row)
      .parse(
        (
          await connection.runAndReadAll(`SELECT ${columns} FROM read_parquet(${sqlString(path)})`)
        ).getRowObjectsJS(),
      ),
  );
}
