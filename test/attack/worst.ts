// How long others wait while one client sends the inputs that cost most. That client has a thread of its own,
// so that what it takes to send is not taken for what it takes to answer.

import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';

const json = { 'Content-Type': 'application/json' };

const trials = Array.from(
  { length: 1_000 },
  (_, i) =>
    `{"flops":1e${18 + (i % 3)},"keep":${(0.1 + (i % 7) / 10).toFixed(1)},"loss":${(i * 7919) % 100}}`,
);
/** A calibration of 1,000 runs. */
export const manyTrials = `{"name":"a","runs":[${trials.join(',')}]}`;

/**
 * What takes a server longest by its kind: runs of digits, deep or wide JSON, many runs to fit, much text,
 * long lists.
 */
export const worst: { path: string; init?: RequestInit }[] = [
  {
    path: '/calibrations?name=worst',
    init: {
      method: 'POST',
      headers: { 'Content-Type': 'text/csv' },
      body: `flops,keep,loss\n${'9'.repeat(900_000)},0.1,1`,
    },
  },
  {
    path: '/calibrations',
    init: {
      method: 'POST',
      headers: json,
      body: manyTrials,
    },
  },
  {
    path: '/calibrations',
    init: {
      method: 'POST',
      headers: json,
      body: `{${Array.from({ length: 70_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
    },
  },
  { path: '/score', init: { method: 'POST', headers: json, body: '['.repeat(4_000_000) } },
  {
    path: '/score',
    init: {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ texts: Array.from({ length: 60 }, () => 'x'.repeat(60_000)) }),
    },
  },
  { path: `/rank?budget=${'9'.repeat(7_000)}` },
  { path: `/rank?keep=${'9'.repeat(7_000)}%25` },
  { path: `/compare?budgets=${Array.from({ length: 1_500 }, () => '1e20').join(',')}` },
  { path: '/curve?points=1000' },
  { path: '/histogram?steps=1000' },
  { path: '/calibrations' },
  { path: '/domains?most=20000&format=csv' },
  { path: `/rank?budget=1e21&benchmarks=${Array.from({ length: 1_500 }, () => 'arc').join(',')}` },
];

/** The longest that a server's event loop was held up since it was asked last, in milliseconds. */
export async function readLongestStall(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return 1000 * Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(metrics)?.[1] ?? NaN);
}

const sentSchema = z.object({ sent: z.number(), failures: z.array(z.string()) });

/** Milliseconds that /healthz takes meanwhile. */
export async function measureHealth(
  url: string,
  seconds: number,
): Promise<{ p50: number; p99: number; asked: number; sent: number; failures: string[] }> {
  const worker = new Worker(new URL('./send-worst.js', import.meta.url), { workerData: { url, seconds } });
  const sending = new Promise<z.output<typeof sentSchema>>((resolve, reject) => {
    worker.once('message', (message) => resolve(sentSchema.parse(message)));
    worker.once('error', reject);
  });
  const endMs = performance.now() + 1000 * seconds;
  const waited: number[] = [];
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    await (await fetch(`${url}/healthz`)).arrayBuffer();
    waited.push(performance.now() - startedMs);
    await setTimeout(10);
  }
  waited.sort((a, b) => a - b);
  const at = (share: number): number => Number((waited[Math.floor(share * waited.length)] ?? NaN).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), asked: waited.length, ...(await sending) };
}
