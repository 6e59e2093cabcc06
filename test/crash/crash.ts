// Kills rankings at random moments, in random ways, with a changing number of workers, and looks at what they
// come to in the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { isChunkName } from '../../scoring/part.ts';
import { defaultScorer, rankingRun } from '../../scoring/scorers/list.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { withLock } from '../../data/files/lock.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { forgetScores, makeLines, makeTrainedRun } from '../classifier/trained-run.ts';

const rankOnce = fileURLToPath(new URL('./rank-once.js', import.meta.url));
const dieModule = new URL('./die.js', import.meta.url).href;

export interface CrashResult {
  rounds: number;
  /** How many rounds of each kind there were, and how many rankings they came to. */
  kinds: Record<string, number>;
  series: number;
  /** How many rounds left some chunks scored and others not. */
  midway: number;
}

/**
 * What stays of a ranking, by hash: every file but the ranking itself, of which the generation counts, as it
 * says when it was published.
 */
async function hashRun(run: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [run.files.scores, run.files.manifest, run.files.quarantine, run.files.leases]) {
    for (const name of (await readdir(folder)).sort())
      hash.update(name).update(await readFile(join(folder, name)));
  }
  return hash
    .update(await readFile(run.files.plan))
    .update((await readRanking(run)).generation)
    .digest('hex');
}

async function makeCrashRun(folder: string, more: object, lines: number): Promise<Run> {
  const corpus = join(folder, 'corpus');
  await mkdir(corpus, { recursive: true });
  for (let i = 0; i < 4; i++) {
    const path = join(corpus, `${i}.jsonl${i % 2 === 1 ? '.gz' : ''}`);
    await writeFile(path, i % 2 === 1 ? gzipSync(makeLines(lines, i)) : makeLines(lines, i));
    await utimes(path, 1_700_000_000, 1_700_000_000);
  }
  // Small ones, which come to some packs.
  for (let i = 0; i < 40; i++) {
    const path = join(corpus, `small-${i}.jsonl`);
    await writeFile(path, makeLines(6, 100 + i));
    await utimes(path, 1_700_000_000, 1_700_000_000);
  }
  return makeTrainedRun(folder, { chunkMegabytes: 0.02, beatSeconds: 0.1, lostSeconds: 0.8, more });
}

/** What stays of an undisturbed ranking. */
export interface Kept {
  /** Throws if a ranking that was killed has something else. */
  compare: (run: Run) => Promise<void>;
}

async function keepBytes(run: Run): Promise<Kept> {
  const undisturbed = await hashRun(run);
  return {
    async compare(again) {
      if ((await hashRun(again)) === undisturbed) return;
      const names = (await readdir(again.folder, { recursive: true })).join(' ');
      throw new Error(`after being killed, a run has other bytes: ${names}`);
    },
  };
}

export interface CrashOptions {
  /** Each ranking has a random number of workers between these. */
  fewestWorkers?: number;
  mostWorkers?: number;
  scorer?: string;
  /** Lines of each of the larger shards. */
  lines?: number;
  /** More settings. */
  more?: object;
  /**
   * What stays of a ranking, by default the bytes of its files, and whether the same stays after being killed: throws
   * if it does not.
   */
  keep?: (run: Run) => Promise<Kept>;
  /** Called at the moment when a ranking is killed. */
  disturb?: () => void;
  /** Called after each series with the run, and the number of rounds that the series had. */
  finished?: (run: Run, rounds: number) => Promise<void>;
}

/**
 * Rounds of killing. When a ranking is published in spite of it, a series is over, and the run has to be what
 * it is undisturbed: else this throws. At the end the last series is finished undisturbed.
 */
export async function crashRankings(
  folder: string,
  rounds: number,
  seed: number,
  tell: (line: string) => void,
  options: CrashOptions = {},
): Promise<CrashResult> {
  const {
    scorer = defaultScorer,
    more = {},
    lines = 300,
    finished = () => Promise.resolve(),
    keep = keepBytes,
  } = options;
  const random = openRandom(seed);
  const main = await makeCrashRun(folder, more, lines);
  await rankCorpus(main, silent, scorer);
  const run = rankingRun(main, scorer);
  const undisturbed = await keep(run);
  const parts = await countParts(run);
  const result: CrashResult = { rounds, kinds: {}, series: 0, midway: 0 };
  let begun = 0;
  const forget = async (): Promise<void> => {
    await forgetScores(run);
    await rm(run.files.judgments, { recursive: true, force: true });
  };
  const finish = async (round: number): Promise<void> => {
    await finishUndisturbed(run, main, scorer);
    await compare(run, undisturbed);
    await finished(run, round - begun);
    begun = round;
    result.series++;
    await forget();
  };
  await forget();
  for (let round = 1; round <= rounds; round++) {
    const { kind, published } = await crashOnce(run, parts, random, options);
    result.kinds[kind] = (result.kinds[kind] ?? 0) + 1;
    const left = await countParts(run);
    if (left > 0 && left < parts) result.midway++;
    if (round % 50 === 0) tell(`round ${round} of ${rounds}, ${result.series} rankings`);
    if (published) await finish(round);
  }
  await finish(rounds);
  return result;
}

const kinds = ['group', 'coordinator', 'worker', 'rename', 'terminated'] as const;

/** Starts a ranking with some workers, and does away with it, or with a part of it. */
async function crashOnce(
  run: Run,
  parts: number,
  random: () => number,
  { fewestWorkers = 1, mostWorkers = 3, scorer = defaultScorer, disturb }: CrashOptions,
): Promise<{ kind: string; published: boolean }> {
  const kind = kinds[Math.floor(random() * kinds.length)] ?? 'group';
  const workers = fewestWorkers + Math.floor(random() * (mostWorkers - fewestWorkers + 1));
  const env = {
    ...process.env,
    ...(kind === 'rename' ? { NODE_OPTIONS: `--import=${dieModule}`, BETR_DIE: '0.05' } : {}),
  };
  const child = spawn(process.execPath, [rankOnce, run.settingsPath, String(workers), scorer], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  await Promise.race([ended, waitForMoment(run, parts, random)]);
  disturb?.();
  if (kind === 'group') killGroup(child, 'SIGKILL');
  else if (kind === 'coordinator') child.kill('SIGKILL');
  else if (kind === 'terminated') killGroup(child, 'SIGTERM');
  else if (kind === 'worker') await killOneOf(child, random);
  // One whose workers die is left to see to it.
  const code = await Promise.race([ended, setTimeout(20_000, 'stuck' as const, { ref: false })]);
  killGroup(child, 'SIGKILL');
  if (code === 'stuck')
    throw new Error(`a ranking with ${workers} workers, killed by ${kind}, neither ends nor goes on`);
  if (code === 1 || code === 70) throw new Error(`a ranking failed: ${stderr}`);
  return { kind, published: code === 0 };
}

/**
 * Waits until a share of the chunks that were left is scored, drawn by chance whatever the machine's speed,
 * and a little longer.
 */
async function waitForMoment(run: Run, parts: number, random: () => number): Promise<void> {
  const before = await countParts(run);
  const wanted = before + Math.floor(random() * (parts - before + 1));
  for (let tries = 0; tries < 2000; tries++) {
    if (existsSync(run.files.lock) && (await countParts(run)) >= wanted) break;
    await setTimeout(5);
  }
  await setTimeout(250 * random() ** 2);
}

async function countParts(run: Run): Promise<number> {
  return (await readdir(run.files.scores).catch(() => [])).filter((name) => name.endsWith('.parquet')).length;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid ?? 0), signal);
  } catch {
    return;
  }
}

async function killOneOf(child: ChildProcess, random: () => number): Promise<void> {
  const children = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').catch(() => ''))
    .trim()
    .split(' ')
    .map(Number)
    .filter((pid) => pid > 0);
  const pid = children[Math.floor(random() * children.length)] ?? child.pid ?? 0;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}

async function finishUndisturbed(run: Run, main: Run, scorer: string): Promise<void> {
  await withLock(run, () => rankCorpus(main, silent, scorer));
  // Workers whose coordinator was killed may still be on their way out, and with them what they were making.
  for (let tries = 0; tries < 100 && (await readdir(run.files.leases)).some(isChunkName); tries++)
    await setTimeout(50);
  await withLock(run, () => rankCorpus(main, silent, scorer));
}

async function compare(run: Run, undisturbed: Kept): Promise<void> {
  const { problems } = await verifyRanking(run, { corpus: true }, silent);
  if (problems.length > 0)
    throw new Error(`after being killed, a ranking is not proven: ${problems.join('; ')}`);
  await undisturbed.compare(run);
}
