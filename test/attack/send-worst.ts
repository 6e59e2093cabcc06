// The thread that sends the worst inputs, one after the other, for so many seconds.

import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { worst } from './worst.ts';

const { url, seconds } = z.object({ url: z.string(), seconds: z.number() }).parse(workerData);
const endMs = performance.now() + 1000 * seconds;
const failures: string[] = [];
let sent = 0;
while (performance.now() < endMs) {
  for (const { path, init } of worst) {
    const response = await fetch(url + path, init);
    const text = await response.text();
    if (response.status >= 500)
      failures.push(`${response.status} ${path.slice(0, 100)} ${text.slice(0, 300)}`);
    sent++;
  }
}
parentPort?.postMessage({ sent, failures });
