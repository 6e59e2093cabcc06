// Makes orders in a worker thread, one after the other, so that answers never wait for sorting. The thread is
// started on demand and ended after some idle time, as it holds much memory for a large ranking.

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import type { Order } from './order.ts';
import type { Setup, OrderTask } from './messages.ts';
import { type Ordered, converse } from './converse.ts';

/** Tasks that yield to requests and are retried later. */
const inBackground = new Set<OrderTask['kind']>(['keys', 'ranks', 'check']);

const idleMs = 20_000;

/** A background task gave way to a request. */
class GaveWay extends Error {}

/** The error for requests to a server that is shutting down. */
function ended(): Error {
  return fail('BUSY', { waiting: 1, seconds: 1 });
}

/** Makes a ranking's orders. */
export class Orders {
  readonly #setup: Setup;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #queue = Promise.resolve();
  #closed = false;
  /** The thread's current task, and whether it was told to stop. */
  #current: { kind: OrderTask['kind']; isStopped: boolean } | undefined;
  /** How many requests wait for an order. */
  #waiting = 0;

  constructor(run: Run, ranking: Ranking) {
    this.#setup = { run, ranking };
  }

  /** Errors: those of `readOrder`. */
  read(): Promise<Ordered> {
    return this.#ask({ kind: 'order' });
  }

  /**
   * Adds the order by keys if `read` did not know it, in the background: requests go first. Errors: those of
   * `makeKeyOrder`.
   */
  sortKeys(order: Order): Promise<Ordered> {
    return this.#askPatiently(() => this.#ask({ kind: 'keys', order }));
  }

  /**
   * Caches the ranks of a large ranking for each benchmark, in the background: requests go first. Errors:
   * those of `rankDocuments` and `saveRanks`.
   */
  rankAhead(): Promise<void> {
    return this.#askPatiently(() => this.#queueUp({ kind: 'ranks' }, () => undefined));
  }

  /**
   * Checks every part against its checksum, in the background: requests go first. Errors: FILE_DAMAGED, those
   * of reading.
   */
  check(): Promise<void> {
    return this.#askPatiently(() => this.#queueUp({ kind: 'check' }, () => undefined));
  }

  /** The order by chosen benchmarks. Errors: those of `combineScores`. */
  async retarget(
    benchmarks: string[],
    { order, keyOrder }: Pick<Ordered, 'order' | 'keyOrder'>,
  ): Promise<Ordered> {
    this.#giveWay();
    this.#waiting++;
    try {
      return await this.#ask({
        kind: 'retarget',
        benchmarks,
        tokens: order.tokens,
        ...(keyOrder === undefined ? {} : { keyOrder }),
      });
    } catch (error) {
      // It gives way to nothing but the shutdown.
      throw error instanceof GaveWay ? ended() : error;
    } finally {
      this.#waiting--;
    }
  }

  /** Ends the current task and the thread, and waits for that for at most `withinMs`. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    if (this.#current !== undefined) this.#current.isStopped = true;
    const worker = this.#worker;
    await Promise.race([this.#endWorker(), setTimeoutPromise(withinMs, undefined, { ref: false })]);
    worker?.unref();
  }

  #ask(task: OrderTask): Promise<Ordered> {
    return new Promise((resolve, reject) => void this.#queueUp(task, resolve).catch(reject));
  }

  /** Retries a task that gave way. */
  async #askPatiently<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof GaveWay) || this.#closed) throw error;
      }
    }
  }

  #queueUp(task: OrderTask, ordered: (result: Ordered) => void): Promise<void> {
    const done = this.#queue.then(() => this.#turn(task, ordered));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #turn(task: OrderTask, ordered: (result: Ordered) => void): Promise<void> {
    if (this.#closed) throw ended();
    if (inBackground.has(task.kind) && this.#waiting > 0) throw new GaveWay();
    clearTimeout(this.#idle);
    this.#worker ??= new Worker(new URL('./worker.js', import.meta.url), { workerData: this.#setup });
    const own = { kind: task.kind, isStopped: false };
    this.#current = own;
    // Callers that wait for the files of an order must get the right error.
    const withFiles = (result: Ordered): void => {
      const written = result.written.catch((error: unknown) => {
        throw own.isStopped ? ended() : error;
      });
      written.catch(() => undefined);
      ordered({ ...result, written });
    };
    try {
      await converse(this.#worker, task, withFiles, () => void this.#endWorker());
    } catch (error) {
      throw own.isStopped ? new GaveWay() : error;
    } finally {
      this.#current = undefined;
      this.#idle = setTimeout(() => void this.#endWorker(), idleMs).unref();
    }
  }

  #giveWay(): void {
    if (this.#current === undefined || !inBackground.has(this.#current.kind)) return;
    this.#current.isStopped = true;
    this.#worker?.postMessage({ kind: 'stop' } satisfies OrderTask);
  }

  /** The thread ends itself, because terminating it during a query would abort the process. */
  async #endWorker(): Promise<void> {
    clearTimeout(this.#idle);
    const ending = this.#worker;
    this.#worker = undefined;
    if (ending === undefined) return;
    const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()));
    ending.postMessage({ kind: 'end' } satisfies OrderTask);
    await ended;
  }
}
