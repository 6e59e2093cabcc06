// A stand-in for the Python worker on jobs with preference pairs: it writes the results that models with known margins
// would have.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import type { ModelsWorker } from '../../../pairs/models/estimate.ts';
import { fingerprint } from '../../../run/run.ts';

const jobSchema = z.looseObject({
  seed: z.number(),
  inputs: z.array(z.object({ name: z.string(), path: z.string(), sha256: z.string() })),
  settings: z.looseObject({ measureAt: z.number() }),
});
const rowSchema = z.looseObject({ id: z.string(), prompt: z.unknown() });
export type HalfRow = z.output<typeof rowSchema>;

/** What the stand-in says of a pair that it did not learn from; undefined leaves it out of the result. */
export interface Said {
  margin?: number;
  chosenCut?: boolean;
  leftOut?: string;
}
export type Say = (at: { id: string; job: string; step: number }) => Said | undefined;

export interface StandIn extends ModelsWorker {
  ran: string[];
  timed: number;
}

/** A worker that trains nothing. Jobs in `broken` fail. */
export function openStandIn(say: Say, broken: readonly string[] = []): StandIn {
  const worker: StandIn = {
    ran: [],
    timed: 0,
    measure() {
      worker.timed++;
      return Promise.resolve({
        secondsPerStep: 2,
        tokensPerSecond: 1000,
        peakMemoryMb: 100,
        flopsPerToken: 6e6,
        steps: 5,
        seconds: 10,
        flops: 1e9,
        trainable: 1000,
      });
    },
    async run(folders) {
      for (const folder of folders) {
        const name = folder.split('/').at(-1) ?? '';
        if (broken.some((end) => name.endsWith(end))) throw new Error(`${name} failed`);
        await doJob(folder, name, say);
        worker.ran.push(name);
      }
    },
  };
  return worker;
}

/** The rows of a job's input. */
export async function readHalf(folder: string, name: 'pairs' | 'held'): Promise<HalfRow[]> {
  const job = jobSchema.parse(JSON.parse(await readFile(join(folder, 'job.json'), 'utf8')));
  const path = job.inputs.find((input) => input.name === name)?.path ?? '';
  return gunzipSync(await readFile(join(folder, path)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => rowSchema.parse(JSON.parse(line)));
}

async function doJob(folder: string, job: string, say: Say): Promise<void> {
  const text = await readFile(join(folder, 'job.json'), 'utf8');
  const { settings, inputs } = jobSchema.parse(JSON.parse(text));
  const before = { chosen: -10, rejected: -12, ref_chosen: -10, ref_rejected: -12 };
  const rows: object[] = (await readHalf(folder, 'pairs')).map(({ id }) => ({
    ...before,
    id,
    input: 'pairs',
    step: 0,
    margin: 0,
    chosen_cut: false,
    rejected_cut: false,
  }));
  // In another order than the pairs.
  const held = (await readHalf(folder, 'held')).reverse();
  // Halves differ in size, and so in the number of steps.
  const shorter = job.endsWith('b') ? 1 : 0;
  for (const step of Array.from({ length: settings.measureAt + 1 }, (_, i) =>
    i === 0 ? 0 : i * 10 - shorter,
  ))
    for (const { id } of held) {
      const said = say({ id, job, step });
      if (said === undefined || (said.leftOut !== undefined && step > 0)) continue;
      const values =
        said.leftOut === undefined
          ? {
              ...before,
              margin: step === 0 ? 0 : said.margin,
              chosen_cut: said.chosenCut === true,
              rejected_cut: false,
            }
          : { left_out: said.leftOut };
      rows.push({ id, input: 'held', step, ...values });
    }
  const result = join(folder, 'result.parquet');
  const json = join(folder, 'rows.json');
  await writeFile(json, JSON.stringify(rows));
  const numbers = ['chosen', 'rejected', 'ref_chosen', 'ref_rejected', 'margin'].map(
    (name) => `${name}: 'DOUBLE'`,
  );
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      `COPY (SELECT * FROM read_json(${sqlString(json)}, columns = {id: 'VARCHAR', input: 'VARCHAR', step: 'BIGINT', ` +
        `${numbers.join(', ')}, chosen_cut: 'BOOLEAN', rejected_cut: 'BOOLEAN', left_out: 'VARCHAR'})) ` +
        `TO ${sqlString(result)} (FORMAT parquet)`,
    ),
  );
  const card = {
    version: 1,
    kind: 'dpo',
    job: createHash('sha256').update(text).digest('hex'),
    inputs: inputs.map(({ name, sha256 }) => ({ name, sha256 })),
    model: 'a'.repeat(64),
    versions: { torch: '2' },
    device: 'cpu',
    threads: 1,
    dtype: 'float32',
    parameters: 1e6,
    parametersWithoutEmbeddings: 9e5,
    flops: 1e9,
    flopsWithoutEmbeddings: 9e8,
    tokens: 1000,
    passes: 1,
    seconds: 2,
    resumed: 0,
    settings,
    result: { sha256: await sha256File(result), rows: rows.length },
  };
  await writeFile(join(folder, 'card.json'), JSON.stringify({ ...card, seal: fingerprint(card) }));
}
