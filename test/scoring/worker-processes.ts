// Starts betr as processes, and reads what they have published and hold.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { readPublishedParts } from '../../scoring/published.ts';
import { silent } from '../../run/progress.ts';
import { listFolder } from '../../data/files/files.ts';
import type { Run } from '../../run/run.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import {
  forgetScores,
  makeLines,
  makeTrainedRun,
  type TrainedRunOptions,
} from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';

const betr = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [betr, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return {
    child,
    ended: new Promise((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
    ),
  };
}

export const workResult = z.object({ chunks: z.number(), documents: z.number(), finished: z.boolean() });

/**
 * A run whose corpus has so many shards of `lines` lines, some of them compressed, and what its ranking is
 * called.
 */
export async function withShards(
  shards: number,
  lines: number,
  use: (run: Run, folder: string, generation: string) => Promise<void>,
  options: TrainedRunOptions = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'));
    for (let i = 0; i < shards; i++) {
      const text = makeLines(lines, i);
      await writeFile(
        join(folder, 'corpus', `${i}.jsonl${i % 3 === 2 ? '.gz' : ''}`),
        i % 3 === 2 ? gzipSync(text) : text,
      );
    }
    const run = await makeTrainedRun(folder, options);
    const { generation } = (await rankCorpus(run, silent)).ranking;
    await forgetScores(run);
    await use(run, folder, generation);
  });
}

export const published = async (run: Run): Promise<number> =>
  [...(await readPublishedParts(run)).byChunk.values()].flat().length;

/** Names of the chunks that are in somebody's hands. */
export async function listLeases(run: Run): Promise<string[]> {
  return (await listFolder(run.files.leases)).filter((name) => /^[0-9a-f]+$/.test(name));
}
