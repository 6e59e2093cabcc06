// Speed of GET /rank over loopback, on one core: the same question again and again (warm), and a new budget every time (cold), beside a bare
// Express 5 route that returns the very same bytes, in the same run. The server is held to core 0 and the load comes from the other cores.
//   npm run bench:http [-- --config FILE] [--seconds 8] [--query budget=1e21] [--beside] [--json]
// FILE: a run with a ranking (bench/synthetic-ranking.ts makes one of any size). --beside: once more while a ranking job is at work.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { z } from 'zod';
import { describeMachine, printBenchmark } from './machine.ts';

const { values } = parseArgs({ options: { config: { type: 'string', default: 'betr.yaml' }, seconds: { type: 'string', default: '8' }, query: { type: 'string', default: 'poolTokens=6T' }, json: { type: 'boolean' }, connections: { type: 'string', default: '10' } } });
const duration = Number(values.seconds);
const connections = Number(values.connections);
const betr = join(import.meta.dirname, '../cli/betr.js');
const bare = join(import.meta.dirname, 'http-bare.js');

const startedMs = performance.now();
const { url, child: server } = await startOnCoreZero([betr, 'serve', '--config', values.config, '--port', '0']);
await untilReady(url);
const readyMs = performance.now() - startedMs;
const warmPath = `/rank?budget=1e21&${values.query}`;
const answer = await (await fetch(url + warmPath)).text();
const peer = await startOnCoreZero([bare, String(Buffer.byteLength(answer))]);
try {
  // Both are warmed up, and take turns, so that a change of the machine's load meets both.
  for (const one of [url, peer.url]) await load(one, warmPath, 2);
  const bareFirst = await load(peer.url, '/', duration / 2);
  const warm = await load(url, warmPath, duration);
  const cold = await load(url, undefined, duration);
  const bareLast = await load(peer.url, '/', duration / 2);
  const bareRate = (bareFirst.requestsPerSecond + bareLast.requestsPerSecond) / 2;
  const beside = (figures: Figures): Figures & { ratioToBare: number } => ({ ...figures, ratioToBare: round(figures.requestsPerSecond / bareRate, 2) });
  const result = { bare: { requestsPerSecond: round(bareRate, 0), first: bareFirst, last: bareLast }, warm: beside(warm), cold: beside(cold), readyMs: round(readyMs, 0), residentMegabytes: residentMegabytes(server), answerBytes: Buffer.byteLength(answer), machine: describeMachine() };
  const line = (name: string, { requestsPerSecond, p50Ms, p99Ms, failed }: Figures): string => `${name.padEnd(34)} ${String(requestsPerSecond).padStart(6)} requests/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms${failed > 0 ? `  ${failed} FAILED` : ''}`;
  printBenchmark(result, [
    line('bare Express 5, the same bytes', { ...bareLast, requestsPerSecond: round(bareRate, 0) }),
    `${line('/rank, the same question', warm)}  ${result.warm.ratioToBare} × bare`,
    `${line('/rank, a new budget every time', cold)}  ${result.cold.ratioToBare} × bare`,
    `start to ready ${result.readyMs} ms, resident ${result.residentMegabytes} MB, answers of ${result.answerBytes} bytes`,
  ].join('\n'));
} finally {
  server.kill();
  peer.child.kill();
}
process.exit();

interface Figures {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failed: number;
}

/** Asks for some seconds; without a path, for a budget that was not asked for before. */
async function load(at: string, path: string | undefined, seconds: number): Promise<Figures> {
  let next = 0;
  // Budgets from 1e19 on that differ in their fifth digit: their cutoffs lie all over the ranking.
  const fresh = (): string => `/rank?budget=${(10 ** (19 + ((next++ * 0.618034) % 5))).toExponential(8).replace('+', '')}&${values.query}`;
  const found = await autocannon({
    url: at,
    duration: seconds,
    connections,
    requests: path === undefined ? [{ setupRequest: (request) => ({ ...request, path: fresh() }) }] : [{ path }],
  });
  return { requestsPerSecond: round(found.requests.average, 0), p50Ms: found.latency.p50, p99Ms: found.latency.p99, failed: found.non2xx + found.errors };
}

/** Starts a program that tells its address, on core 0. */
async function startOnCoreZero(args: string[]): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn('taskset', ['-c', '0', process.execPath, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const text of createInterface(child.stdout)) {
    const found = /http:\/\/\S+/.exec(text)?.[0];
    if (found !== undefined) return { url: found, child };
  }
  await once(child, 'exit');
  throw new Error(`${args[0] ?? ''} did not start`);
}

async function untilReady(at: string): Promise<void> {
  while (!z.object({ ready: z.boolean() }).parse(await (await fetch(`${at}/readyz`)).json()).ready) await new Promise((resolve) => setTimeout(resolve, 20));
}

function residentMegabytes({ pid }: ChildProcess): number {
  return round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8'))?.[1] ?? NaN) / 1000, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
