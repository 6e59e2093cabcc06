// How ranking grows with the corpus: `betr rank` end to end on a corpus of some gigabytes (half JSONL.zst, half Parquet), with one worker on one core, with
// one on all (reading has threads of its own) and with two, and on larger ones; its memory; what planning, leases and publishing cost beside the bare scoring of the same files; where the time goes; and
// how fast `betr verify` is. Then, on made-up rankings of many rows, an exact cutoff and a benchmark's percentiles beside one exact quantile in DuckDB.
//   npm run bench:scale [-- --config FILE] [--gigabytes 1,4] [--rows 20e6] [--json]      FILE: a run that is trained; default demo/betr.yaml

import { execFile, execFileSync } from 'node:child_process';
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { withDuckDb } from '../data/duckdb.ts';
import { openRun } from '../data/run.ts';
import { combineScores } from '../ranking/combine.ts';
import { findCutoff } from '../ranking/cutoff.ts';
import { readRanking } from '../ranking/generation.ts';
import { scoresTable } from '../ranking/scores.ts';
import { copyTrainedRun } from './copy-run.ts';
import { writeCorpus } from './corpus.ts';
import { betr, describeMachine, printBenchmark, runMeasured, runOnOneCore } from './machine.ts';

const { values } = parseArgs({ options: { config: { type: 'string', default: 'demo/betr.yaml' }, gigabytes: { type: 'string', default: '1,4' }, rows: { type: 'string', default: '20e6' }, json: { type: 'boolean' } } });
const shardBytes = 250e6;
/** Numbers of workers are compared by the medians of so many turns, as a machine's speed may change from minute to minute. */
const turns = 3;
/** At the largest corpus up to this: in a smaller one the start counts, which is the same for any number. */
const comparedGigabytes = 4;
const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };
const timing = z.object({ textBytes: z.number(), seconds: z.number() });
const rankResult = z.object({ textBytes: z.number(), seconds: z.number() });

const folder = await mkdtemp(join(tmpdir(), 'betr-bench-scale-'));
const lines: string[] = [];
try {
  const sizes = values.gigabytes.split(',').map(Number).sort((a, b) => a - b);
  const trained = await openRun(values.config);
  const shards = await writeCorpus(trained, folder, shardBytes);
  const bare = await measureBare(trained.files.weights, shards);
  const ranked = [];
  const compared = sizes.findLast((gigabytes) => gigabytes <= comparedGigabytes) ?? sizes[0];
  for (const gigabytes of sizes) ranked.push(await rank(gigabytes, shards, gigabytes === compared ? ['one core', 1, 2] : [2]));
  const rows: Awaited<ReturnType<typeof measureRows>>[] = [];
  const [oneCore, one, two] = ranked.find(({ gigabytes }) => gigabytes === compared)?.workers ?? [];
  const result = {
    bare,
    ranked,
    /** Two workers beside one that has one core, and beside one that has two. */
    twoWorkersToOneCore: oneCore === undefined || two === undefined ? null : round(two.mbPerSecond / oneCore.mbPerSecond),
    twoWorkersToOne: one === undefined || two === undefined ? null : round(two.mbPerSecond / one.mbPerSecond),
    /** CPU seconds of `betr rank` for a gigabyte beside those of scoring the same files alone. */
    overhead: one === undefined ? null : round(one.cpuSecondsPerGb / bare.cpuSecondsPerGb - 1),
    rows,
    machine: describeMachine(),
  };
  lines.push(`bare scoring: zst ${bare.zst.mbPerSecond} MB/s (read ${bare.zst.read} %, score ${bare.zst.score} %, write ${bare.zst.write} %), Parquet ${bare.parquet.mbPerSecond} MB/s (read ${bare.parquet.read} %, score ${bare.parquet.score} %, write ${bare.parquet.write} %), one core`);
  for (const { gigabytes, workers, verify } of ranked) {
    for (const of of workers) lines.push(`${gigabytes} GB, ${of.workers === 'one core' ? '1 worker on one core' : `${of.workers} workers`}: ${of.mbPerSecond} MB/s, ${of.cpuSecondsPerGb} CPU s a GB, a process has at most ${of.processMb} MB`);
    lines.push(`  betr verify: ${verify.megabytes} MB of parts in ${verify.cpuSeconds} CPU s beyond an empty start: ${(gigabytes / verify.cpuSeconds).toFixed(1)} GB of the corpus's text per core and second`);
  }
  lines.push(`two workers ${result.twoWorkersToOneCore ?? '?'} × one on one core, ${result.twoWorkersToOne ?? '?'} × one on two, two processes that share nothing ${bare.twoCoresToOne} ×; betr rank costs ${Math.round(100 * (result.overhead ?? NaN))} % more CPU than bare scoring, its start included`);
  for (const count of values.rows.split(',').filter((text) => text !== '').map(Number)) {
    const measured = await measureRows(count);
    rows.push(measured);
    lines.push(`${count / 1e6} million rows: cutoff ${measured.cutoffCpuSeconds} CPU s, by one benchmark ${measured.retargetCpuSeconds} CPU s, exact quantile in DuckDB ${measured.quantileCpuSeconds} CPU s (${measured.retargetToQuantile} ×); at most ${measured.residentMb} MB`);
  }
  printBenchmark(result, lines.join('\n'));
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

interface Shards {
  zst: string;
  parquet: string;
}

/** Scoring the two files alone, on one core, and the shares of reading, scoring and the rest, which is writing. */
async function measureBare(weights: string, { zst, parquet }: Shards) {
  const parts = join(folder, 'parts');
  await mkdir(parts);
  const measure = (kind: string, path: string) => timing.parse(JSON.parse(runOnOneCore(process.execPath, [join(import.meta.dirname, 'score-one.js'), weights, kind, path, parts]).output));
  let cpuSeconds = 0;
  let bytes = 0;
  const of = (path: string) => {
    const memory = measure('memory', path);
    const read = measure('read', path);
    const { output, cpuSeconds: own } = runMeasured('taskset', ['-c', '0', process.execPath, join(import.meta.dirname, 'score-one.js'), weights, 'file', path, parts]);
    const file = timing.parse(JSON.parse(output));
    cpuSeconds += own;
    bytes += file.textBytes;
    const share = (seconds: number): number => Math.round((100 * seconds) / file.seconds);
    return { mbPerSecond: Math.round(file.textBytes / 1e6 / file.seconds), read: share(read.seconds), score: share(memory.seconds), write: share(Math.max(0, file.seconds - read.seconds - memory.seconds)) };
  };
  const [ofZst, ofParquet] = [of(zst), of(parquet)];
  return { zst: ofZst, parquet: ofParquet, cpuSecondsPerGb: round(cpuSeconds / (bytes / 1e9)), twoCoresToOne: await measureTwoCores(weights, zst) };
}

/** How much faster two such processes are than one, each on a core of its own and with nothing to share: the limit of two workers here. */
async function measureTwoCores(weights: string, path: string): Promise<number> {
  const start = async (core: number): Promise<number> => {
    const own = join(folder, `core-${core}`);
    await mkdir(own, { recursive: true });
    const { stdout } = await promisify(execFile)('taskset', ['-c', String(core), process.execPath, join(import.meta.dirname, 'score-one.js'), weights, 'file', path, own]);
    return timing.parse(JSON.parse(stdout)).seconds;
  };
  const alone = await start(0);
  const together = await Promise.all([start(0), start(1)]);
  return round((2 * alone) / Math.max(...together));
}

/** Ranks a corpus that has the shards as often as it takes, under names of their own. */
async function rank(gigabytes: number, { zst, parquet }: Shards, workerCounts: ('one core' | number)[]) {
  const own = join(folder, `${gigabytes}gb`);
  await mkdir(join(own, 'corpus'), { recursive: true });
  const pairs = Math.max(1, Math.round((gigabytes * 1e9) / (2 * shardBytes)));
  for (let pair = 0; pair < pairs; pair++) {
    await link(zst, join(own, 'corpus', `${pair}.jsonl.zst`));
    await link(parquet, join(own, 'corpus', `${pair}.parquet`));
  }
  const config = await copyTrainedRun(values.config, own, { files: ['corpus/*.zst', 'corpus/*.parquet'], fields });
  const measure = async (count: 'one core' | number) => {
    for (const name of ['scores', 'manifest', 'leases', 'plan.json', 'ranking.json']) await rm(join(own, 'run', name), { recursive: true, force: true });
    const command = [betr.program, ...betr.args, 'rank', '--config', config, '--workers', count === 'one core' ? '1' : String(count), '--json'];
    const [program = '', ...args] = count === 'one core' ? ['taskset', '-c', '0', ...command] : command;
    const { output, cpuSeconds, processMb } = runMeasured(program, args);
    const { textBytes, seconds } = rankResult.parse(JSON.parse(output));
    return { workers: count, mbPerSecond: Math.round(textBytes / 1e6 / seconds), cpuSecondsPerGb: round(cpuSeconds / (textBytes / 1e9)), processMb };
  };
  const runs: Awaited<ReturnType<typeof measure>>[] = [];
  for (let turn = 0; turn < (workerCounts.length > 1 ? turns : 1); turn++) for (const count of workerCounts) runs.push(await measure(count));
  const workers = workerCounts.map((count) => medianBySpeed(runs.filter((run) => run.workers === count)));
  return { gigabytes, workers, verify: await verify(config, join(own, 'run', 'scores')) };
}

function medianBySpeed<T extends { mbPerSecond: number }>(runs: readonly T[]): T {
  const median = runs.toSorted((a, b) => a.mbPerSecond - b.mbPerSecond)[runs.length >> 1];
  if (median === undefined) throw new Error('Nothing was measured.');
  return median;
}

async function verify(config: string, scores: string) {
  const sizes = await Promise.all((await readdir(scores)).map(async (name) => (await stat(join(scores, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const start = runMeasured(betr.program, [...betr.args, 'status', '--config', config]).cpuSeconds;
  const cpuSeconds = runMeasured(betr.program, [...betr.args, 'verify', '--config', config]).cpuSeconds - start;
  return { megabytes: Math.round(bytes / 1e6), cpuSeconds: round(cpuSeconds), mbPerCpuSecond: Math.round(bytes / 1e6 / cpuSeconds) };
}

/** A made-up ranking: an exact cutoff, the percentiles of one benchmark, and one exact quantile of the scores in DuckDB. */
async function measureRows(rows: number) {
  const own = join(folder, `rows-${rows}`);
  execFileSync(process.execPath, [join(import.meta.dirname, 'synthetic-ranking.js'), '--out', own, '--documents', String(rows), '--benchmarks', '4', '--unprepared'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const run = await openRun(join(own, 'betr.yaml'));
  const ranking = await readRanking(run);
  const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return round((user + system) / 1e6);
  };
  const quantile = (): Promise<unknown> => withDuckDb({ memoryMb: 1024, spill: own }, (connection) => connection.run(`SELECT quantile_disc(score, 0.9) FROM ${scoresTable(run, ranking)}`));
  await quantile();
  const quantileCpuSeconds = await cpuOf(quantile);
  const cutoffCpuSeconds = await cpuOf(() => findCutoff(run, ranking, 0.1));
  const retargetCpuSeconds = await cpuOf(() => combineScores(run, ranking, ['bench0']));
  const residentMb = Math.round(Number(/VmHWM:\s+(\d+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? NaN) / 1000);
  await rm(own, { recursive: true });
  return { rows, cutoffCpuSeconds, retargetCpuSeconds, quantileCpuSeconds, retargetToQuantile: round(retargetCpuSeconds / quantileCpuSeconds), residentMb };
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
