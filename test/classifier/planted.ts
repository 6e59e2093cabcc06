// Runs as the indexer would leave them: a sample of chance words, and targets.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRandom } from '../../data/seeded-random.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../run/run.ts';

export type Row = Record<string, string | number | null>;

async function writeRows(path: string, rows: readonly Row[]): Promise<void> {
  await writeFile(`${path}.jsonl`, rows.map((row) => JSON.stringify(row)).join('\n'));
  await withDuckDb({}, (connection) =>
    connection.run(
      `COPY (SELECT * FROM read_json(${sqlString(`${path}.jsonl`)}, format = 'newline_delimited')) ` +
        `TO ${sqlString(path)} (FORMAT parquet)`,
    ),
  );
}

/** A run folder with the sample's texts and targets, as the indexer would leave it. */
export async function plantRun(
  folder: string,
  sample: readonly Row[],
  targets: readonly Row[],
  classifier = '',
): Promise<Run> {
  await mkdir(join(folder, 'run'), { recursive: true });
  const settings = join(folder, 'betr.yaml');
  await writeFile(
    settings,
    `corpus: {files: [none.jsonl]}\nbenchmarks: [{name: none, files: [none.jsonl]}]\nclassifier: {bits: ` +
      `16${classifier}}\n`,
  );
  const run = await openRun(settings);
  await writeRows(run.files.sample, sample);
  await writeRows(run.files.targets, targets);
  return run;
}

export const key = (i: number): string => `document-${String(i).padStart(5, '0')}`;

/** Documents of chance words; the more words of a planted kind, the higher the score of that kind. */
export function plant(
  documents: number,
  seed: number,
  benchmarks: readonly string[] = [],
): { sample: Row[]; targets: Row[] } {
  const random = openRandom(seed);
  const sample: Row[] = [];
  const targets: Row[] = [];
  for (let i = 0; i < documents; i++) {
    const shares = ['joint', ...benchmarks].map(() => random() ** 2 * 0.3);
    const words = Array.from({ length: 120 }, () => {
      const kind = shares.findIndex((share) => random() < share);
      return kind < 0 ? `common${Math.floor(random() * 500)}` : `k${kind}word${Math.floor(random() * 30)}`;
    });
    sample.push({ document: key(i), shard: 's', row: i, source: '', tokens: 1, text: words.join(' ') });
    targets.push({
      document: key(i),
      score: shares[0] ?? 0,
      ...Object.fromEntries(benchmarks.map((name, b) => [`score_${name}`, shares[b + 1] ?? 0])),
    });
  }
  return { sample, targets };
}
