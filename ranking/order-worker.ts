// The worker thread of `openOrders`: sorts a ranking's documents by score, and combines the scores of benchmarks.

import { parentPort, workerData } from 'node:worker_threads';
import { errorData } from '../data/errors.ts';
import { combineScores } from './combine.ts';
import { histogramOf, orderScores, readOrder } from './order.ts';
import { type Reply, setupSchema, type Task, taskSchema } from './order-messages.ts';
import { readRetargeted, targetOf, writeRetargeted } from './retarget.ts';

const port = parentPort;
if (port === null) throw new Error('order-worker runs as a worker thread');
const { run, ranking } = setupSchema.parse(workerData);
const send = (reply: Reply): void => port.postMessage(reply);

port.on('message', (message: unknown) => {
  work(taskSchema.parse(message)).then(
    () => send({ kind: 'done' }),
    (error: unknown) => send({ kind: 'failed', error: errorData(error) }),
  );
});

async function work(task: Task): Promise<void> {
  if (task.kind === 'order') {
    send({ kind: 'order', order: await readOrder(run, ranking), ranking });
    return;
  }
  const { benchmarks, tokens } = task;
  const kept = await readRetargeted(run, ranking, benchmarks);
  if (kept !== undefined) {
    send({ kind: 'order', order: await readOrder(run, kept, { tokens }), ranking: kept });
    return;
  }
  const combined = await combineScores(run, ranking, benchmarks);
  const order = orderScores(combined.scores, tokens);
  // The answer does not wait for the files, which only SQL needs.
  send({ kind: 'order', order, ranking: { ...ranking, histogram: histogramOf(order), target: targetOf(run, ranking, benchmarks) } });
  await writeRetargeted(run, ranking, benchmarks, combined, order);
}
