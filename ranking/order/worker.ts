// The worker thread of `Orders`: sorts a ranking's documents by score, and combines the scores of benchmarks.

import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { interruptQueries } from '../../data/duckdb/duckdb.ts';
import { saveIfPossible } from '../../data/files/commit.ts';
import { errorData } from '../../run/errors/errors.ts';
import { combineScores, rankDocuments } from './combine.ts';
import { saveOrder, readSavedOrder } from './saved-order.ts';
import { saveRanks, listMissingRanks } from './saved-ranks.ts';
import { makeKeyOrder, readKeyOrder } from './key-order.ts';
import { checkContent } from '../generation.ts';
import { histogramOf, type Order, readOrder } from './order.ts';
import { orderScores, sortTies } from './sort-scores.ts';
import { type OrderReply, setupSchema, type OrderTask, taskSchema } from './messages.ts';
import { shareDatabase } from '../../data/duckdb/run-database.ts';
import { readRetargeted, chosenScores, writeRetargeted } from './retarget.ts';

const port = parentPort;
if (port === null) throw new Error('order/worker must run as a worker thread');
const { run, ranking } = setupSchema.parse(workerData);
const send = (reply: OrderReply): void => port.postMessage(reply);

/** With more documents, loading the keys first would delay the first answers. */
const soonSorted = 100_000;

/** Parts that passed the check, so that a check that gave way continues after them. */
const checked = new Set<string>();

let stop = new AbortController();

port.on('message', (message: unknown) => {
  const task = taskSchema.parse(message);
  if (task.kind === 'stop') {
    stop.abort();
    return;
  }
  if (task.kind === 'end') {
    stop.abort();
    interruptQueries();
    port.close();
    return;
  }
  stop = new AbortController();
  work(task).then(
    () => send({ kind: 'done' }),
    (error: unknown) => send({ kind: 'failed', error: errorData(error) }),
  );
});

async function work(task: Exclude<OrderTask, { kind: 'stop' | 'end' }>): Promise<void> {
  switch (task.kind) {
    case 'order': {
      const kept = await readSavedOrder(run, ranking);
      const keyOrder = kept === undefined && ranking.documents >= soonSorted ? undefined : await orderKeys();
      sendOrder(kept ?? (await readOrder(run, ranking, { keyOrder })), ranking, keyOrder);
      return;
    }
    case 'keys': {
      const keyOrder = await orderKeys();
      // Sorting cannot be interrupted, so let a pending request go first.
      await setImmediate();
      stop.signal.throwIfAborted();
      const order = sortTies(task.order, keyOrder);
      sendOrder(order, ranking, keyOrder);
      await saveIfPossible(saveOrder(run, ranking, order));
      return;
    }
    case 'ranks': {
      for (const benchmark of await listMissingRanks(run, ranking))
        await saveIfPossible(
          saveRanks(
            run,
            ranking,
            benchmark,
            (await rankDocuments(run, ranking, [benchmark], { signal: stop.signal })).ranks,
          ),
        );
      return;
    }
    case 'check': {
      for (const { file, sha256 } of ranking.parts) {
        if (checked.has(file)) continue;
        await checkContent(run, { file, sha256 });
        checked.add(file);
        stop.signal.throwIfAborted();
      }
      return;
    }
    case 'retarget': {
      const database = await shareDatabase(run);
      await retarget(task).finally(() => database.close());
    }
  }
}

async function orderKeys(): Promise<Uint32Array> {
  // One thread, as requests must be answered in the meantime.
  const inBackground = { ...run, settings: { ...run.settings, workers: 1 } };
  return (await readKeyOrder(run, ranking)) ?? makeKeyOrder(inBackground, ranking, stop.signal);
}

function sendOrder(order: Order, of: typeof ranking, keyOrder: Uint32Array | undefined): void {
  send({ kind: 'order', order, ranking: of, ...(keyOrder === undefined ? {} : { keyOrder }) });
}

async function retarget({
  benchmarks,
  tokens,
  keyOrder,
}: Extract<OrderTask, { kind: 'retarget' }>): Promise<void> {
  const kept = await readRetargeted(run, ranking, benchmarks);
  if (kept !== undefined) {
    sendOrder(await readOrder(run, kept, { tokens, keyOrder }), kept, keyOrder);
    return;
  }
  const combined = await combineScores(run, ranking, benchmarks, { signal: stop.signal });
  const order = orderScores(combined.scores, tokens, keyOrder);
  // Answers do not wait for the files, which only SQL needs.
  sendOrder(
    order,
    { ...ranking, histogram: histogramOf(order), chosen: chosenScores(run, ranking, benchmarks) },
    keyOrder,
  );
  await writeRetargeted(run, ranking, benchmarks, combined, order, stop.signal);
}
