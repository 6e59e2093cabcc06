// Kills rankings while a judge reads every document, and counts the answers that the model gave twice. With servers,
// kills those, too.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { queryRows } from '../../data/duckdb/rows.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import type { Run } from '../../run/run.ts';
import { plainQuestion } from '../indexer/judges/judge-run.ts';
import { crashRankings, type CrashOptions, type CrashResult, type Kept } from './crash.ts';

const workers = 2;
/** Windows that a worker has in flight at two servers. */
const inFlight = 2 * 2 * 8;
/** A server's log probabilities are off by up to .0005 (wavering-server.ts), so a score is by no more than this. */
export const tolerance = 0.001;

export interface JudgeCrashResult extends CrashResult {
  /** Answers that were stored, in all series, and how many of them were stored before. */
  answers: number;
  twice: number;
}

/** What crashes, beside the rankings. */
interface Judging extends Pick<CrashOptions, 'keep' | 'disturb'> {
  model: object;
  /** Answers that a worker can have in flight. */
  atOnce: number;
}

/** Throws if more answers were given twice than could be in flight at every kill. */
export async function crashJudging(
  folder: string,
  rounds: number,
  seed: number,
  tell: (line: string) => void,
  { model, atOnce, ...options }: Judging = { model: { model: 'dummy' }, atOnce: 1 },
): Promise<JudgeCrashResult> {
  let [answers, twice] = [0, 0];
  const result = await crashRankings(folder, rounds, seed, tell, {
    ...options,
    fewestWorkers: workers,
    mostWorkers: workers,
    scorer: 'lm:judge#all',
    lines: 120,
    more: {
      models: [{ name: 'try', ...model }],
      // Some documents have too little answer mass.
      judges: [{ name: 'judge', model: 'try', questions: [{ ...plainQuestion, leastMass: 0.001 }] }],
    },
    async finished(run, ofSeries) {
      const digests = await listDigests(join(run.files.judgments, 'judge'));
      const again = digests.length - new Set(digests).size;
      if (again > atOnce * workers * (ofSeries + 1))
        throw new Error(`the judge answered ${again} questions twice in ${ofSeries} rounds`);
      answers += digests.length;
      twice += again;
    },
  });
  return { ...result, answers, twice };
}

/** What was asked, by every complete answer. */
async function listDigests(folder: string): Promise<string[]> {
  const files = await Promise.all(
    (await readdir(folder)).map((name) => readFile(join(folder, name), 'latin1')),
  );
  return files.flatMap((text) => text.split('\n')).flatMap((line) => /^[0-9a-f]{32}/.exec(line) ?? []);
}

/** The same with two servers in a folder, of which one is killed with every ranking and comes back. */
export async function crashServers(folder: string, rounds: number, seed: number): Promise<JudgeCrashResult> {
  const servers = join(folder, 'servers');
  await mkdir(servers);
  const random = openRandom(seed);
  const running: ChildProcess[] = [];
  let isOver = false;
  const start = (at: number): Promise<void> =>
    new Promise((resolve) => {
      const server = fork(join(import.meta.dirname, 'wavering-server.js'), {});
      running[at] = server;
      server.once(
        'message',
        (url) => void writeFile(join(servers, String(at)), z.string().parse(url)).then(resolve),
      );
      server.once('exit', () => {
        if (!isOver) void start(at);
      });
    });
  try {
    await Promise.all([start(0), start(1)]);
    return await crashJudging(folder, rounds, seed, () => undefined, {
      model: { model: { servers: 'servers' } },
      atOnce: inFlight,
      keep: keepScores,
      disturb: () => void running[Math.floor(2 * random())]?.kill('SIGKILL'),
    });
  } finally {
    isOver = true;
    for (const server of running) server.kill('SIGKILL');
  }
}

async function keepScores(run: Run): Promise<Kept> {
  const undisturbed = await readScores(run);
  return {
    async compare(again) {
      const found = await readScores(again);
      if (found.size !== undisturbed.size)
        throw new Error(`${found.size} of ${undisturbed.size} documents are there`);
      for (const [document, score] of undisturbed) {
        const now = found.get(document);
        const isSame =
          typeof score === 'number' && typeof now === 'number'
            ? Math.abs(now - score) <= tolerance
            : now === score;
        if (!isSame) throw new Error(`${document} has the score ${String(now)} in place of ${String(score)}`);
      }
    },
  };
}

async function readScores(run: Run): Promise<Map<string, number | null>> {
  const row = z.object({ document: z.string(), score: z.number().nullable() });
  const rows = await withScores(run, await readRanking(run), (connection, table) =>
    queryRows(connection, `SELECT document, score::DOUBLE AS score FROM ${table}`, row),
  );
  return new Map(rows.map(({ document, score }) => [document, score]));
}
