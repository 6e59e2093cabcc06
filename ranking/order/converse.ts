// Runs one task in the thread that makes orders.

import { Worker } from 'node:worker_threads';
import { errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Ranking } from '../generation.ts';
import type { Order } from './order.ts';
import { replySchema, type OrderTask } from './messages.ts';

export interface Ordered {
  order: Order;
  /** The published ranking, or one by chosen benchmarks. */
  ranking: Ranking;
  /** Settles once the ranking's files are written, for SQL. */
  written: Promise<void>;
  /** All positions in the order of keys, if known. */
  keyOrder?: Uint32Array;
}

/** Sends the worker a task and listens until it is done; calls `ordered` as soon as the order is made. */
export function converse(
  worker: Worker,
  task: OrderTask,
  ordered: (result: Ordered) => void,
  died: () => void,
): Promise<void> {
  const stop = new AbortController();
  const done = new Promise<void>((resolve, reject) => {
    const listen = (event: string, hear: (value: unknown) => void): void => {
      worker.on(event, hear);
      stop.signal.addEventListener('abort', () => worker.off(event, hear));
    };
    const lost = (reason: string): void => {
      died();
      reject(fail('INTERNAL', { reason: `the thread that sorts the ranking ended: ${reason}` }));
    };
    listen('message', (message) => {
      const reply = replySchema.parse(message);
      if (reply.kind === 'order')
        ordered({
          order: reply.order,
          ranking: reply.ranking,
          written: done,
          ...(reply.keyOrder === undefined ? {} : { keyOrder: reply.keyOrder }),
        });
      else if (reply.kind === 'failed') reject(errorFrom(reply.error));
      else resolve();
    });
    listen('error', (error) => lost(reasonOf(error)));
    listen('exit', (code) => lost(`code ${String(code)}`));
  }).finally(() => stop.abort());
  // Callers that want only the order ignore this promise.
  done.catch(() => undefined);
  worker.postMessage(task);
  return done;
}
