// How long others wait while one client sends the inputs that cost most.

import { setTimeout } from 'node:timers/promises';

const json = { 'Content-Type': 'application/json' };

/** Each took seconds of the one thread that answers, or a large part of a second. */
const worst: { path: string; init?: RequestInit }[] = [
  { path: '/calibrations?name=worst', init: { method: 'POST', headers: { 'Content-Type': 'text/csv' }, body: `flops,keep,loss\n${'9'.repeat(900_000)},0.1,1` } },
  { path: '/calibrations', init: { method: 'POST', headers: json, body: `{"name":"a","runs":[${Array.from({ length: 10_000 }, (_, i) => `{"flops":1e${18 + (i % 3)},"keep":${(0.1 + (i % 7) / 10).toFixed(1)},"loss":${(i * 7919) % 100}}`).join(',')}]}` } },
  { path: '/calibrations', init: { method: 'POST', headers: json, body: `{${Array.from({ length: 70_000 }, (_, i) => `"k${i}":1`).join(',')}}` } },
  { path: '/score', init: { method: 'POST', headers: json, body: '['.repeat(4_000_000) } },
  { path: '/score', init: { method: 'POST', headers: json, body: JSON.stringify({ texts: Array.from({ length: 60 }, () => 'x'.repeat(60_000)) }) } },
  { path: `/rank?budget=${'9'.repeat(7_000)}` },
  { path: `/rank?keep=${'9'.repeat(7_000)}%25` },
  { path: `/compare?budgets=${Array.from({ length: 1_500 }, () => '1e20').join(',')}` },
  { path: '/curve?points=1000' },
  { path: '/histogram?steps=1000' },
  { path: `/rank?budget=1e21&benchmarks=${Array.from({ length: 1_500 }, () => 'arc').join(',')}` },
];

export async function measureHealth(url: string, seconds: number): Promise<{ p50: number; p99: number; requests: number; sent: number }> {
  const endMs = performance.now() + 1000 * seconds;
  let sent = 0;
  const send = async (): Promise<void> => {
    while (performance.now() < endMs) {
      for (const { path, init } of worst) {
        const response = await fetch(url + path, init);
        await response.arrayBuffer();
        if (response.status >= 500) throw new Error(`${path.slice(0, 100)}: ${response.status}`);
        sent++;
      }
    }
  };
  const waited: number[] = [];
  const ask = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startedMs = performance.now();
      await (await fetch(`${url}/healthz`)).arrayBuffer();
      waited.push(performance.now() - startedMs);
      await setTimeout(10);
    }
  };
  await Promise.all([send(), ask()]);
  waited.sort((a, b) => a - b);
  const at = (share: number): number => Number((waited[Math.floor(share * waited.length)] ?? NaN).toFixed(1));
  return { p50: at(0.5), p99: at(0.99), requests: waited.length, sent };
}
