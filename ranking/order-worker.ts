// The worker thread of `openOrders`: sorts a ranking's documents by score, and combines the scores of benchmarks.

import { parentPort, workerData } from 'node:worker_threads';
import { errorData } from '../data/errors.ts';
import { combineScores } from './combine.ts';
import { makeKeyRanks, readKeyRanks } from './key-ranks.ts';
import { histogramOf, type Order, orderScores, readOrder, sortTies } from './order.ts';
import { type Reply, setupSchema, type Task, taskSchema } from './order-messages.ts';
import { readRetargeted, targetOf, writeRetargeted } from './retarget.ts';

const port = parentPort;
if (port === null) throw new Error('order-worker runs as a worker thread');
const { run, ranking } = setupSchema.parse(workerData);
const send = (reply: Reply): void => port.postMessage(reply);

/** Keys of fewer documents are sorted sooner than somebody asks. */
const soonSorted = 100_000;

let stop = new AbortController();

port.on('message', (message: unknown) => {
  const task = taskSchema.parse(message);
  if (task.kind === 'stop') {
    stop.abort();
    return;
  }
  stop = new AbortController();
  work(task).then(
    () => send({ kind: 'done' }),
    (error: unknown) => send({ kind: 'failed', error: errorData(error) }),
  );
});

async function work(task: Exclude<Task, { kind: 'stop' }>): Promise<void> {
  switch (task.kind) {
    case 'order': {
      const order = await readOrder(run, ranking);
      const keyRanks = (await readKeyRanks(run, ranking)) ?? (ranking.documents < soonSorted ? await makeKeyRanks(run, ranking) : undefined);
      sendOrder(order, ranking, keyRanks);
      return;
    }
    case 'keys':
      sendOrder(task.order, ranking, await makeKeyRanks(run, ranking, stop.signal));
      return;
    case 'target':
      await retarget(task);
  }
}

function sendOrder(order: Order, of: typeof ranking, keyRanks: Uint32Array | undefined): void {
  if (keyRanks === undefined) send({ kind: 'order', order, ranking: of });
  else send({ kind: 'order', order: sortTies(order, keyRanks), ranking: of, keyRanks });
}

async function retarget({ benchmarks, tokens, keyRanks }: Extract<Task, { kind: 'target' }>): Promise<void> {
  const kept = await readRetargeted(run, ranking, benchmarks);
  if (kept !== undefined) {
    sendOrder(await readOrder(run, kept, { tokens }), kept, keyRanks);
    return;
  }
  const combined = await combineScores(run, ranking, benchmarks);
  const order = orderScores(combined.scores, tokens);
  // The answer does not wait for the files, which only SQL needs.
  sendOrder(order, { ...ranking, histogram: histogramOf(order), target: targetOf(run, ranking, benchmarks) }, keyRanks);
  await writeRetargeted(run, ranking, benchmarks, combined, order);
}
