// Damages of a ranking's files, and the problem that each must be reported as.

import { appendFile, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { chunkOf } from '../../../scoring/part.ts';
import { commitSealedJson } from '../../../data/files/commit.ts';
import type { Run } from '../../../run/run.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { makeLines, makeTrainedRun } from '../../classifier/trained-run.ts';

/** Of the run: several parts for each shard. */
export const options = { chunkMegabytes: 0.03 };

export type Damage = [
  what: string,
  damage: (run: Run, ranking: Ranking, folder: string) => Promise<void>,
  problem: RegExp,
];

export const fileDamages: Damage[] = [
  [
    'a part that is gone',
    (run, { parts }) => unlink(join(run.files.scores, parts[1]?.file ?? '')),
    /cannot be read/,
  ],
  [
    'a part that is cut short',
    (run, { parts }) => truncate(join(run.files.scores, parts[1]?.file ?? ''), 50),
    /checksum/,
  ],
  [
    'parts that changed places',
    (run, { parts }) => writeFileFrom(run, parts[0]?.file ?? '', parts[1]?.file ?? ''),
    /checksum/,
  ],
  ['a manifest that is gone', ({ files }) => rm(files.manifest, { recursive: true }), /not in the manifest/],
  [
    'a last line of the manifest that is cut short',
    async ({ files }) =>
      truncate(
        join(files.manifest, 'published.jsonl'),
        (await readFile(join(files.manifest, 'published.jsonl'))).length - 3,
      ),
    /its last line is truncated/,
  ],
  [
    'missing invalid rows',
    async ({ files }) =>
      unlink(
        join(
          files.quarantine,
          (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
        ),
      ),
    /quarantine.* cannot be read/,
  ],
  [
    'a bad row that is gone',
    async ({ files }) =>
      dropLine(
        join(
          files.quarantine,
          (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
        ),
      ),
    /rows of its part in \d+ lines, but \d+ are listed/,
  ],
  [
    'a bad row twice',
    async ({ files }) =>
      repeatLine(
        join(
          files.quarantine,
          (await readdir(files.quarantine)).find((name) => chunkOf(name) !== undefined) ?? '',
        ),
      ),
    /2 distinct rows of its part in 3 lines/,
  ],
  [
    'a plan with a shard twice',
    async ({ files }) => repeatShard(files.plan),
    /plan\.json is damaged: .* \(shards .*in the order of their names, each once/,
  ],
  [
    'a shard that has changed',
    (_run, _ranking, folder) => appendFile(join(folder, 'corpus', 'plain.jsonl'), 'x'),
    /plain\.jsonl has changed/,
  ],
  [
    'a shard that is gone',
    (_run, _ranking, folder) => unlink(join(folder, 'corpus', 'plain.jsonl')),
    /plain\.jsonl was ranked but no longer exists/,
  ],
  [
    'a shard that is new',
    (_run, _ranking, folder) => writeFile(join(folder, 'corpus', 'new.jsonl'), makeLines(5, 5)),
    /new\.jsonl is not ranked yet/,
  ],
  [
    'another classifier',
    async (_run, _ranking, folder) => {
      await makeTrainedRun(folder, { ...options, seed: 9 });
    },
    /not the classifier/,
  ],
  [
    'a ranking without one of its parts',
    (run, ranking) => reseal(run, { ...ranking, parts: ranking.parts.filter((_, i) => i !== 1) }),
    /rows \d+ to \d+ are in no part/,
  ],
  [
    'a ranking without a last part',
    (run, ranking) => reseal(run, { ...ranking, parts: ranking.parts.slice(0, -1) }),
    /rows from \d+ on are in no part/,
  ],
  [
    'a ranking with a part twice',
    (run, ranking) =>
      reseal(run, {
        ...ranking,
        parts: ranking.parts.flatMap((part, i) => (i === 1 ? [part, part] : [part])),
      }),
    /in two parts/,
  ],
  [
    'a ranking that counts wrong',
    (run, ranking) => reseal(run, { ...ranking, tokens: ranking.tokens + 1 }),
    /tokens, but its parts have/,
  ],
  [
    'a ranking with another histogram',
    (run, ranking) => reseal(run, { ...ranking, histogram: ranking.histogram.slice(1) }),
    /histogram of ranking\.json does not match/,
  ],
  [
    'a ranking with other sources',
    (run, ranking) => reseal(run, { ...ranking, sources: ranking.sources.slice(1) }),
    /sources of ranking\.json do not match/,
  ],
  [
    'rows of a Parquet shard that are neither scored nor in quarantine',
    (run, ranking) =>
      reseal(run, {
        ...ranking,
        parts: ranking.parts.map((part) => ({
          ...part,
          covers: part.covers.map((rows) =>
            rows.shard.endsWith('.parquet') ? { ...rows, documents: rows.documents - 1 } : rows,
          ),
        })),
      }),
    /has 1 row of corpus\/rows\.parquet neither/,
  ],
];

export function reseal(run: Run, ranking: Ranking): Promise<void> {
  return commitSealedJson(run.files.ranking, ranking);
}

async function writeFileFrom(run: Run, from: string, to: string): Promise<void> {
  await writeFile(join(run.files.scores, to), await readFile(join(run.files.scores, from)));
}

async function dropLine(path: string): Promise<void> {
  await writeFile(path, (await readFile(path, 'utf8')).replace(/^.*\n/, ''));
}

async function repeatLine(path: string): Promise<void> {
  const [first = '', ...rest] = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, [first, first, ...rest].join('\n'));
}

async function repeatShard(path: string): Promise<void> {
  const { shards, ...plan } = z
    .object({ version: z.number(), scorer: z.string(), chunkBytes: z.number(), shards: z.array(z.unknown()) })
    .parse(JSON.parse(await readFile(path, 'utf8')));
  await commitSealedJson(path, { ...plan, shards: [shards[0], ...shards] });
}
