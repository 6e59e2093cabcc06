// A worker in a process of its own, which `scoreCorpus` starts: works until no chunk is free, tells what it
// does, and gives its chunk back when it is told to end or whoever started it is gone. Arguments: the
// settings file, milliseconds of grace, and the ranking's name ('' for the run's own).

import { errorData } from '../run/errors/errors.ts';
import { openRun, rankingOf } from '../run/run.ts';
import { readPlan } from './plan.ts';
import { workOnPlan } from './work.ts';
import type { WorkerReply } from './workers.ts';

// A message for every batch would cost more than it tells.
const bytesPerReport = 8 << 20;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'disconnect'] as const)
  process.on(signal, () => {
    stop.abort();
  });
// While the modules were loaded nobody listened.
if (!process.connected) stop.abort();

/** Whoever started this may be gone; then nobody is to be told. */
const send = (reply: WorkerReply, sent: () => void = () => undefined): void =>
  void process.send?.(reply, undefined, undefined, sent);
let documents = 0;
let textBytes = 0;
const tell = (): void => {
  send({ kind: 'progress', documents, textBytes });
  documents = 0;
  textBytes = 0;
};

const last = await work();
send(last, () => process.exit());
if (!process.connected) process.exit();

async function work(): Promise<WorkerReply> {
  try {
    const run = rankingOf(await openRun(process.argv[2] ?? ''), process.argv[4] ?? '');
    const result = await workOnPlan(run, await readPlan(run), {
      wait: false,
      signal: stop.signal,
      graceMs: Number(process.argv[3] ?? 0),
      onProgress(batchDocuments, batchBytes) {
        documents += batchDocuments;
        textBytes += batchBytes;
        if (textBytes >= bytesPerReport) tell();
      },
      onChunk: ({ weight }) => send({ kind: 'chunk', weight }),
    });
    tell();
    return { kind: 'done', result };
  } catch (error) {
    return { kind: 'failed', error: errorData(error) };
  }
}
