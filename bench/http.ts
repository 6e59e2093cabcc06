// Speed of GET /rank over loopback on one core: the same question repeated (warm), and a new budget every time
// (cold), next to an Express 5 route that returns as many bytes. The server is bound to core 0; the load comes from
// the other cores. Then the first answer for a new set of benchmarks, with and without precomputed ranks (a run's
// first start has none).
//   npm run bench:http [-- --config FILE] [--seconds 8] [--query poolTokens=6T] [--rank FILE] [--json]
// FILE: a run with a ranking (bench/synthetic-ranking.ts makes one of any size). With --rank, another, trained run
// is ranked repeatedly in a copy, on all cores, while the same question is measured again. Two connections saturate
// the core; more would only measure how long they wait for each other.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { z } from 'zod';
import { openRun } from '../run/run.ts';
import { readRanking } from '../ranking/generation.ts';
import { listMissingRanks } from '../ranking/order/saved-ranks.ts';
import { readKeyOrder } from '../ranking/order/key-order.ts';
import { copyTrainedRun } from './copy-run.ts';
import { betr, describeMachine, peakMegabytes, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'betr.yaml' },
    seconds: { type: 'string', default: '8' },
    query: { type: 'string', default: 'poolTokens=6T' },
    rank: { type: 'string' },
    json: { type: 'boolean' },
    connections: { type: 'string', default: '2' },
  },
});
const duration = Number(values.seconds);
const connections = Number(values.connections);
const bare = join(import.meta.dirname, 'http-bare.js');

const run = await openRun(values.config);
const ranking = await readRanking(run);

const startedMs = performance.now();
const serve = [...betr.args, 'serve', '--config', values.config, '--port', '0'];
const { url, child: server } = await startOn('taskset', ['-c', '0', process.execPath, ...serve]);
await untilReady(url);
const readyMs = performance.now() - startedMs;
const warmPath = `/rank?budget=1e21&${values.query}`;
const answer = await (await fetch(url + warmPath)).text();
const peer = await startOn('taskset', ['-c', '0', process.execPath, bare, String(Buffer.byteLength(answer))]);
try {
  // On a large ranking that is served for the first time, keys are sorted and documents ranked in the
  // background; the rates are those of a server that has done so.
  while (
    (await readKeyOrder(run, ranking)) === undefined ||
    (await listMissingRanks(run, ranking)).length > 0
  )
    await new Promise((resolve) => setTimeout(resolve, 500));
  const aheadMs = performance.now() - startedMs - readyMs;
  // Both are warmed up, and take turns, so that a change of the machine's load meets both.
  for (const one of [url, peer.url]) await load(one, warmPath, 2);
  const bareFirst = await load(peer.url, '/', duration / 2);
  const warm = await load(url, warmPath, duration);
  const cold = await load(url, undefined, duration);
  const bareLast = await load(peer.url, '/', duration / 2);
  const bareRate = (bareFirst.requestsPerSecond + bareLast.requestsPerSecond) / 2;
  const besideRanking =
    values.rank === undefined
      ? undefined
      : await whileRanking(values.rank, () => load(url, warmPath, duration));
  const prepared = await timeRetarget(url);
  const memory = peakMegabytes(server.pid);
  server.kill();
  const unprepared = await timeUnprepared();
  const beside = (figures: Sums): Sums & { ratioToBare: number } => ({
    ...figures,
    ratioToBare: round(figures.requestsPerSecond / bareRate, 2),
  });
  const result = {
    documents: ranking.documents,
    bare: { requestsPerSecond: round(bareRate, 0), first: bareFirst, last: bareLast },
    warm: beside(warm),
    cold: beside(cold),
    ...(besideRanking === undefined ? {} : { besideRanking }),
    firstAnswers: { prepared, unprepared },
    aheadMs: round(aheadMs, 0),
    readyMs: round(readyMs, 0),
    residentMegabytes: memory,
    answerBytes: Buffer.byteLength(answer),
    machine: describeMachine(),
  };
  const line = (name: string, { requestsPerSecond, p50Ms, p99Ms, failed }: Sums): string =>
    `${name.padEnd(38)} ${String(requestsPerSecond).padStart(6)} requests/s  p50 ${p50Ms} ms  ` +
    `p99 ${p99Ms} ms${failed > 0 ? `  ${failed} FAILED` : ''}`;
  printBenchmark(
    result,
    [
      line('bare Express 5, as many bytes', { ...bareLast, requestsPerSecond: round(bareRate, 0) }),
      `${line('/rank, the same question', warm)}  ${result.warm.ratioToBare} × bare`,
      `${line('/rank, a new budget every time', cold)}  ${result.cold.ratioToBare} × bare`,
      ...(besideRanking === undefined ? [] : [line('/rank, beside betr rank', besideRanking)]),
      ...[...prepared.keys()].map(
        (i) =>
          `first answer by ${prepared[i]?.benchmarks} of ${ranking.scorer.outputs.length - 1} ` +
          `benchmarks: ${prepared[i]?.ms} ms; where nothing was made ahead: ${unprepared[i]?.ms} ms`,
      ),
      `${ranking.documents} documents: start to ready ${result.readyMs} ms, more made ahead ` +
        `within ${result.aheadMs} ms after that, at most ${result.residentMegabytes} MB resident, ` +
        `answers of ${result.answerBytes} bytes`,
    ].join('\n'),
  );
} finally {
  server.kill();
  peer.child.kill();
}
process.exit();

/** The first answers by half of the benchmarks, and by all but one; nothing where there are not two. */
async function timeRetarget(at: string): Promise<{ benchmarks: number; ms: number }[]> {
  const names = ranking.scorer.outputs.slice(1);
  if (names.length < 2) return [];
  await rm(run.files.retargeted, { recursive: true, force: true });
  const chosen = names.slice(0, Math.ceil(names.length / 2));
  const time = async (choice: string): Promise<number> => {
    const askedMs = performance.now();
    const response = await fetch(`${at}/rank?budget=1e21&${values.query}&${choice}`);
    if (!response.ok) throw new Error(await response.text());
    return round(performance.now() - askedMs, 0);
  };
  const half = { benchmarks: chosen.length, ms: await time(`benchmarks=${chosen.join(',')}`) };
  // The files of the one before are written meanwhile, which the next set would wait for.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return [half, { benchmarks: names.length - 1, ms: await time(`without=${names[0] ?? ''}`) }];
}

async function timeUnprepared(): Promise<Awaited<ReturnType<typeof timeRetarget>>> {
  await rm(run.files.ranks, { recursive: true, force: true });
  const { url: at, child } = await startOn('taskset', ['-c', '0', process.execPath, ...serve]);
  try {
    await untilReady(at);
    return await timeRetarget(at);
  } finally {
    child.kill();
  }
}

/** Calls `ask` while `betr rank` ranks the corpus of a trained run from nothing, again and again. */
async function whileRanking(config: string, ask: () => Promise<Sums>): Promise<Sums> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-bench-http-'));
  const copy = await copyTrainedRun(config, folder);
  let over = false;
  const rankAgain = async (): Promise<void> => {
    while (!over) {
      for (const name of ['scores', 'manifest', 'leases', 'plan.json', 'ranking.json'])
        await rm(join(folder, 'run', name), { recursive: true, force: true });
      const [code] = z.tuple([z.number().nullable(), z.unknown()]).parse(
        await once(
          spawn(betr.program, [...betr.args, 'rank', '--config', copy], {
            stdio: ['ignore', 'ignore', 'inherit'],
          }),
          'exit',
        ),
      );
      if (code !== 0) throw new Error(`betr rank ended with ${String(code)}`);
    }
  };
  const ranking = rankAgain();
  try {
    return await ask();
  } finally {
    over = true;
    await ranking;
    await rm(folder, { recursive: true, force: true });
  }
}

interface Sums {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

/** Asks for some seconds; without a path, for a budget that was not asked for before. */
async function load(at: string, path: string | undefined, seconds: number): Promise<Sums> {
  let next = 0;
  // Budgets from 1e19 on that differ in their fifth digit: their cutoffs lie all over the ranking.
  const fresh = (): string =>
    `/rank?budget=${(10 ** (19 + ((next++ * 0.618034) % 5))).toExponential(8).replace('+', '')}&${values.query}`;
  const found = await autocannon({
    url: at,
    duration: seconds,
    connections,
    requests:
      path === undefined ? [{ setupRequest: (request) => ({ ...request, path: fresh() }) }] : [{ path }],
  });
  return {
    requestsPerSecond: round(found.requests.average, 0),
    p50Ms: found.latency.p50,
    p99Ms: found.latency.p99,
    failed: found.non2xx + found.errors,
  };
}

/** Starts a program that tells its address. */
async function startOn(program: string, args: string[]): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of createInterface(child.stdout)) {
    const found = /http:\/\/\S+/.exec(text)?.[0];
    if (found !== undefined) return { url: found, child };
  }
  await once(child, 'exit');
  throw new Error(`${program} ${args.join(' ')} did not start`);
}

async function untilReady(at: string): Promise<void> {
  while (!z.object({ ready: z.boolean() }).parse(await (await fetch(`${at}/readyz`)).json()).ready)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
