// `make soak`: minutes of attacks on servers in processes of their own, with figures. Ends with 1 where one
// is beyond its bound.
//
//   node dist/test/attack/main.js [SECONDS of mixed load, 600] [SEED, 18]

import { setTimeout } from 'node:timers/promises';
import { hasProgram, fuzzWithSchemathesis } from './schemathesis.ts';
import { makeGeneration, mixLoad, readRss } from './load.ts';
import { attack } from './hostile.ts';
import { rankRows, withRun } from '../ranking/synthetic.ts';
import { makeRankedRun, startServer } from '../server/real-run.ts';
import { measureHealth, readLongestStall } from './worst.ts';

const [seconds = 600, seed = 18] = process.argv.slice(2).map(Number);
const publications = 50;
const hostileRequests = 10_000;
const broken: string[] = [];

function tell(what: string, figures: Record<string, unknown>, holds: boolean): void {
  if (!holds) broken.push(what);
  console.log(`${holds ? 'holds ' : 'FAILED'} ${what} ${JSON.stringify(figures)}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

await withRun(async (run) => {
  await rankRows(run, makeGeneration(0));
  const server = await startServer(run);
  const pid = server.child.pid ?? 0;
  const rss: number[] = [];
  try {
    const eachSecond = async (): Promise<void> => void rss.push((await readRss(pid)) ?? NaN);
    const { answers, byStatus, failures, published } = await mixLoad(run, server.url, {
      seconds,
      publications,
      clients: 8,
      seed,
      eachSecond,
    });
    for (const failure of failures.slice(0, 10)) console.log(`  ${failure.slice(0, 500)}`);
    tell(
      'mixed load: no answer of 5xx, no broken connection',
      { seconds, answers, published, byStatus: Object.fromEntries(byStatus), failures: failures.length },
      failures.length === 0 && published === publications,
    );
    // Of a tenth of the time each, as one moment says little.
    const tenth = Math.max(1, Math.floor(rss.length / 10));
    const middle = median(
      rss.slice(
        Math.floor(rss.length / 2) - Math.ceil(tenth / 2),
        Math.floor(rss.length / 2) + Math.ceil(tenth / 2),
      ),
    );
    const end = median(rss.slice(-tenth));
    tell(
      'memory at the end within 20% of that in the middle',
      {
        middleMB: Math.round(middle / 1e6),
        endMB: Math.round(end / 1e6),
        highestMB: Math.round(Math.max(...rss) / 1e6),
      },
      Math.abs(end - middle) <= 0.2 * middle,
    );
    await readLongestStall(server.url);
    const {
      p50,
      p99,
      asked,
      sent,
      failures: worstFailures,
    } = await measureHealth(server.url, Math.max(10, seconds / 10));
    tell(
      '/healthz while one client sends the worst: p99 at most 50 ms',
      {
        p50,
        p99,
        asked,
        sent,
        longestStallMs: Number((await readLongestStall(server.url)).toFixed(1)),
        failures: worstFailures,
      },
      p99 <= 50 && worstFailures.length === 0,
    );
  } finally {
    const code = await server.end('SIGTERM');
    tell('it ends when it is told to', { code, complaints: server.complaints().slice(0, 500) }, code === 0);
  }
});

const real = await makeRankedRun();
try {
  const server = await startServer(real.run);
  try {
    const { byStatus, failures } = await attack(server.url, { count: hostileRequests, seed });
    for (const failure of failures.slice(0, 10)) console.log(`  ${failure.slice(0, 500)}`);
    tell(
      'hostile requests from the OpenAPI document: no 5xx',
      { requests: hostileRequests, byStatus: Object.fromEntries(byStatus), failures: failures.length },
      failures.length === 0,
    );
    if (hasProgram('python3')) {
      const { code, summary } = await fuzzWithSchemathesis(server.url, seed);
      tell('schemathesis: no 5xx', { code, summary }, code === 0);
    } else console.log('skipped schemathesis: there is no python3');
    await setTimeout(100);
  } finally {
    const code = await server.end('SIGTERM');
    tell(
      'it ends when it is told to',
      { code, complaints: server.complaints().slice(0, 500) },
      code === 0 && !server.complaints().includes('defect'),
    );
  }
} finally {
  await real.close();
}
process.exitCode = broken.length === 0 ? 0 : 1;
