// A worker process, started by workers.ts: works until no chunk is free and reports its progress. Gives its
// chunk back when it is stopped or its parent is gone. A list of processes shows which ranking it works for.

import { parseArgs } from 'node:util';
import { errorData } from '../run/errors/errors.ts';
import { openRun, rankingOf } from '../run/run.ts';
import { readPlan } from './plan.ts';
import { workOnPlan } from './work.ts';
import type { WorkerReply } from './worker-processes.ts';

// One message per batch would be too many. A slow scorer takes minutes for this much text.
const bytesPerReport = 8 << 20;
const msPerReport = 1000;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const)
  process.on(signal, () => {
    stop.abort();
  });
// The parent may have disconnected while the modules were loading.
if (!process.connected) stop.abort();

/** Sends to the parent, if it still exists. */
const send = (reply: WorkerReply, sent: () => void = () => undefined): void =>
  void process.send?.(reply, undefined, undefined, sent);
let documents = 0;
let textBytes = 0;
let sentMs = performance.now();
const sendProgress = (): void => {
  send({ kind: 'progress', documents, textBytes });
  documents = 0;
  textBytes = 0;
  sentMs = performance.now();
};

/** The settings file, the folder of the ranking and its scorer, and the grace period in milliseconds. */
const { values: asked } = parseArgs({
  options: {
    config: { type: 'string', default: '' },
    ranking: { type: 'string', default: '' },
    scorer: { type: 'string' },
    grace: { type: 'string', default: '0' },
  },
});
const last = await work();
send(last, () => process.exit());
if (!process.connected) process.exit();

async function work(): Promise<WorkerReply> {
  try {
    const run = rankingOf(await openRun(asked.config), asked.ranking, asked.scorer);
    const result = await workOnPlan(run, await readPlan(run), {
      wait: false,
      signal: stop.signal,
      graceMs: Number(asked.grace),
      onProgress(batchDocuments, batchBytes) {
        documents += batchDocuments;
        textBytes += batchBytes;
        if (textBytes >= bytesPerReport || performance.now() - sentMs >= msPerReport) sendProgress();
      },
      onChunk: ({ weight }) => send({ kind: 'chunk', weight }),
    });
    sendProgress();
    return { kind: 'done', result };
  } catch (error) {
    return { kind: 'failed', error: errorData(error) };
  }
}
