// How ranking scales. `betr rank` on corpora of some gigabytes (half JSONL.zst, half Parquet): one worker on one
// core, one worker on all cores (reading has its own threads), two workers, and two independent rankings at once;
// memory; the overhead over scoring the same files alone; the shares of reading, scoring and writing; the speed of
// `betr verify`. Then, on synthetic rankings of many rows, a cutoff and a benchmark's percentiles next to one exact
// quantile in DuckDB.
//   npm run bench:scale [-- --config FILE] [--gigabytes 1,4] [--turns 5] [--rows 20e6] [--json]
// FILE: a trained run; default demo/betr.yaml

import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { openRun } from '../run/run.ts';
import { copyTrainedRun } from './copy-run.ts';
import { writeCorpus } from './corpus.ts';
import { betr, describeMachine, printBenchmark, round, runMeasured } from './machine.ts';
import { measureStages, scoreBare, type Shards } from './scale-bare.ts';
import { measureRows } from './scale-rows.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'demo/betr.yaml' },
    gigabytes: { type: 'string', default: '1,4' },
    turns: { type: 'string', default: '5' },
    rows: { type: 'string', default: '20e6' },
    json: { type: 'boolean' },
  },
});
const shardBytes = 250e6;
/**
 * Numbers of workers are compared within a turn, because a machine's speed changes from minute to minute. The
 * result is the median over the turns.
 */
const turns = Number(values.turns);
const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };
const rankResult = z.object({ textBytes: z.number(), seconds: z.number() });

const folder = await mkdtemp(join(tmpdir(), 'betr-bench-scale-'));
const lines: string[] = [];
try {
  const sizes = values.gigabytes
    .split(',')
    .map(Number)
    .sort((a, b) => a - b);
  const trained = await openRun(values.config);
  const shards = await writeCorpus(trained, folder, shardBytes);
  await mkdir(join(folder, 'parts'));
  const bare = measureStages(folder, trained.files.weights, shards);
  const ranked = [];
  // Compared on the largest corpus: in a small one, starting takes a larger share.
  const compared = sizes.at(-1);
  for (const gigabytes of sizes)
    ranked.push(await rank(gigabytes, shards, trained.files.weights, gigabytes === compared));
  const rows: Awaited<ReturnType<typeof measureRows>>[] = [];
  const { turns: comparisons } = ranked.find(({ gigabytes }) => gigabytes === compared) ?? { turns: [] };
  const ratio = (of: (turn: Turn) => number | undefined, to: (turn: Turn) => number | undefined): number =>
    round(median(comparisons.map((turn) => (of(turn) ?? Number.NaN) / (to(turn) ?? Number.NaN))));
  const result = {
    bare,
    ranked,
    /** Two workers to one on one core and to one on two cores; two independent rankings to one on one core. */
    twoWorkersToOneCore: ratio(
      (turn) => turn.two,
      (turn) => turn.oneCore,
    ),
    twoWorkersToOne: ratio(
      (turn) => turn.two,
      (turn) => turn.one,
    ),
    twoApartToOneCore: ratio(
      (turn) => turn.twoApart,
      (turn) => turn.oneCore,
    ),
    rows,
    machine: describeMachine(),
  };
  lines.push(
    `bare scoring: zst ${bare.zst.mbPerSecond} MB/s (read ${bare.zst.read}%, score ${bare.zst.score}%, ` +
      `write ${bare.zst.write}%), Parquet ${bare.parquet.mbPerSecond} MB/s ` +
      `(read ${bare.parquet.read}%, score ${bare.parquet.score}%, write ${bare.parquet.write}%), one core`,
  );
  for (const { gigabytes, workers, overhead, verify } of ranked) {
    for (const of of workers)
      lines.push(
        `${gigabytes} GB, ${of.workers === 'one core' ? '1 worker on one core' : `${of.workers} workers`}: ` +
          `${of.mbPerSecond} MB/s, ${of.cpuSecondsPerGb} CPU s per GB, ${of.processMb} MB per process at most`,
      );
    lines.push(
      `  betr rank on one core takes ${Math.round(100 * overhead)}% longer than scoring the same files alone`,
    );
    lines.push(
      `  betr verify: ${verify.megabytes} MB of parts in ${verify.cpuSeconds} CPU s (start-up ` +
        `subtracted): ${(gigabytes / verify.cpuSeconds).toFixed(1)} GB of corpus text per core and second`,
    );
  }
  lines.push(
    `two workers: ${result.twoWorkersToOneCore} × one on one core, ${result.twoWorkersToOne} × one on two ` +
      `cores; two independent rankings: ${result.twoApartToOneCore} × (medians of ${turns} turns)`,
  );
  for (const count of values.rows
    .split(',')
    .filter((text) => text !== '')
    .map(Number)) {
    const measured = await measureRows(folder, count);
    rows.push(measured);
    lines.push(
      `${count / 1e6} million rows: cutoff ${measured.cutoffCpuSeconds} CPU s, by one ` +
        `benchmark ${measured.retargetCpuSeconds} CPU s, exact quantile in ` +
        `DuckDB ${measured.quantileCpuSeconds} CPU s (${measured.retargetToQuantile} ×); at ` +
        `most ${measured.residentMb} MB`,
    );
  }
  printBenchmark(result, lines.join('\n'));
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** MB of text ranked per second in each way, measured right after one another. */
interface Turn {
  bare: number;
  oneCore: number;
  two: number;
  /** Only at the largest size. */
  twoApart?: number;
  one?: number;
}

/**
 * Ranks a corpus that has the shards as often as it takes, under names of their own: by two workers, or in
 * all ways to be compared.
 */
async function rank(gigabytes: number, { zst, parquet }: Shards, weights: string, toCompare: boolean) {
  const corpus = join(folder, `${gigabytes}gb`);
  await mkdir(corpus);
  const pairs = Math.max(1, Math.round((gigabytes * 1e9) / (2 * shardBytes)));
  const files: string[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const [ofLines, ofRows] = [join(corpus, `${pair}.jsonl.zst`), join(corpus, `${pair}.parquet`)];
    await link(zst, ofLines);
    await link(parquet, ofRows);
    files.push(ofLines, ofRows);
  }
  const measureBare = (): number => {
    const { textBytes, seconds } = scoreBare(folder, weights, 'file', files);
    return textBytes / 1e6 / seconds;
  };
  const copyRun = (name: string): Promise<string> =>
    copyTrainedRun(values.config, join(corpus, name), { files: ['../*.zst', '../*.parquet'], fields });
  const [config, other] = [await copyRun('a'), await copyRun('b')];
  const runs: Awaited<ReturnType<typeof measureRank>>[] = [];
  const turnsDone: Turn[] = [];
  const measure = async (workers: 'one core' | number): Promise<number> => {
    const run = await measureRank(config, workers);
    runs.push(run);
    return run.mbPerSecond;
  };
  for (let turn = 0; turn < turns; turn++) {
    // Before and after, as the machine's speed drifts.
    const [before, oneCore, after] = [measureBare(), await measure('one core'), measureBare()];
    const done = { bare: (before + after) / 2, oneCore, two: await measure(2) };
    turnsDone.push({
      ...done,
      ...(toCompare ? { twoApart: await measureApart([config, other]), one: await measure(1) } : {}),
    });
  }
  const counts = toCompare ? ['one core', 1, 2] : ['one core', 2];
  const workers = counts.map((count) => medianBySpeed(runs.filter((run) => run.workers === count)));
  // What `betr rank` takes longer, on one core, than scoring the same files takes right before and after:
  // start of the work, plan, leases, publishing.
  const overhead = round(median(turnsDone.map(({ bare, oneCore }) => bare / oneCore)) - 1);
  return { gigabytes, workers, overhead, turns: turnsDone, verify: await verify(config) };
}

async function measureRank(config: string, workers: 'one core' | number) {
  const [program = '', ...args] = [
    ...(workers === 'one core' ? ['taskset', '-c', '0'] : []),
    ...(await rankAnew(config, workers === 'one core' ? 1 : workers)),
  ];
  const { output, cpuSeconds, processMb } = runMeasured(program, args);
  const { textBytes, seconds } = rankResult.parse(JSON.parse(output));
  return {
    workers,
    mbPerSecond: Math.round(textBytes / 1e6 / seconds),
    cpuSecondsPerGb: round(cpuSeconds / (textBytes / 1e9)),
    processMb,
  };
}

/**
 * Two rankings at once, each by a process with a core of its own, which share nothing: the limit of two
 * workers here.
 */
async function measureApart(configs: readonly string[]): Promise<number> {
  const ranked = await Promise.all(
    configs.map(async (config, core) => {
      const { stdout } = await promisify(execFile)('taskset', [
        '-c',
        String(core),
        ...(await rankAnew(config, 1)),
      ]);
      return rankResult.parse(JSON.parse(stdout));
    }),
  );
  return Math.round(
    ranked.reduce((sum, { textBytes }) => sum + textBytes, 0) /
      1e6 /
      Math.max(...ranked.map(({ seconds }) => seconds)),
  );
}

/** The command that ranks a run whose ranking is removed. */
async function rankAnew(config: string, workers: number): Promise<string[]> {
  for (const name of ['scores', 'manifest', 'leases', 'plan.json', 'ranking.json'])
    await rm(join(dirname(config), 'run', name), { recursive: true, force: true });
  return [betr.program, ...betr.args, 'rank', '--config', config, '--workers', String(workers), '--json'];
}

function medianBySpeed<T extends { mbPerSecond: number }>(runs: readonly T[]): T {
  const middle = runs.toSorted((a, b) => a.mbPerSecond - b.mbPerSecond)[runs.length >> 1];
  if (middle === undefined) throw new Error('Nothing was measured.');
  return middle;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((below ?? Number.NaN) + (above ?? Number.NaN)) / 2;
}

async function verify(config: string) {
  const scores = join(dirname(config), 'run', 'scores');
  const sizes = await Promise.all(
    (await readdir(scores)).map(async (name) => (await stat(join(scores, name))).size),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const start = runMeasured(betr.program, [...betr.args, 'status', '--config', config]).cpuSeconds;
  const cpuSeconds =
    runMeasured(betr.program, [...betr.args, 'verify', '--config', config]).cpuSeconds - start;
  return {
    megabytes: Math.round(bytes / 1e6),
    cpuSeconds: round(cpuSeconds),
    mbPerCpuSecond: Math.round(bytes / 1e6 / cpuSeconds),
  };
}
