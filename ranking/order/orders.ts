// Orders are made in a worker thread, one after the other, so that nobody who answers from them waits for
// sorting. The thread is started when it is needed and ended when it has been idle for a while, as it holds
// much memory at a large ranking.

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import type { Order } from './order.ts';
import { replySchema, type Setup, type OrderTask } from './messages.ts';

/** Tasks that are done again when another has come in between. */
const inBackground = new Set<OrderTask['kind']>(['keys', 'ranks', 'check']);

const idleMs = 20_000;

export interface Ordered {
  order: Order;
  /** What the order is of: the published ranking, or one by chosen benchmarks. */
  ranking: Ranking;
  /** Settled once the ranking's files are there, for SQL. */
  written: Promise<void>;
  /** All positions in the order of keys, where the order knows it. */
  keyOrder?: Uint32Array;
}

/** Why a task in the background is not done: another was asked for. */
class GaveWay extends Error {}

/** What is told to who asks of a server that is ending. */
function ended(): Error {
  return fail('BUSY', { waiting: 1, seconds: 1 });
}

/** The maker of a ranking's orders. */
export class Orders {
  readonly #setup: Setup;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #queue = Promise.resolve();
  #closed = false;
  /** What is at work in the thread, and whether it was told to give way. */
  #current: { kind: OrderTask['kind']; told: boolean } | undefined;
  /** How many wait for an order. */
  #waiting = 0;

  constructor(run: Run, ranking: Ranking) {
    this.#setup = { run, ranking };
  }

  /** Errors: those of `readOrder`. */
  read(): Promise<Ordered> {
    return this.#ask({ kind: 'order' });
  }

  /**
   * The order by keys too, where `read` did not know them: in the background, as others go first. Errors:
   * those of `makeKeyOrder`.
   */
  sortKeys(order: Order): Promise<Ordered> {
    return this.#askPatiently(() => this.#ask({ kind: 'keys', order }));
  }

  /**
   * The ranks of a large ranking for each benchmark, which are kept: in the background, as others go first.
   * Errors: those of `rankDocuments` and `saveRanks`.
   */
  rankAhead(): Promise<void> {
    return this.#askPatiently(() => this.#queueUp({ kind: 'ranks' }, () => undefined));
  }

  /**
   * Reads every part once and holds it against its checksum: in the background, as others go first. Errors:
   * FILE_DAMAGED, those of reading.
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
      // It gives way to nothing but the end.
      throw error instanceof GaveWay ? ended() : error;
    } finally {
      this.#waiting--;
    }
  }

  /** Ends what is at work, and waits for that at most so long. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    // A thread that is ended outright leaves its database's files, and amid native work takes the process
    // with it.
    this.#giveWay();
    await Promise.race([this.#queue, setTimeoutPromise(withinMs, undefined, { ref: false })]);
    clearTimeout(this.#idle);
    await this.#rest();
  }

  #ask(task: OrderTask): Promise<Ordered> {
    return new Promise((resolve, reject) => void this.#queueUp(task, resolve).catch(reject));
  }

  /** Tries again whatever gave way. */
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
    const own = { kind: task.kind, told: false };
    this.#current = own;
    // Who waits for the files of an order hears why they do not come.
    const withFiles = (result: Ordered): void => {
      const written = result.written.catch((error: unknown) => {
        throw own.told ? ended() : error;
      });
      written.catch(() => undefined);
      ordered({ ...result, written });
    };
    try {
      await converse(this.#worker, task, withFiles, () => void this.#rest());
    } catch (error) {
      throw own.told ? new GaveWay() : error;
    } finally {
      this.#current = undefined;
      this.#idle = setTimeout(() => void this.#rest(), idleMs).unref();
    }
  }

  #giveWay(): void {
    if (this.#current === undefined || !(this.#closed || inBackground.has(this.#current.kind))) return;
    this.#current.told = true;
    this.#worker?.postMessage({ kind: 'stop' } satisfies OrderTask);
  }

  async #rest(): Promise<void> {
    const ending = this.#worker;
    this.#worker = undefined;
    await ending?.terminate();
  }
}

/**
 * Hands the worker a task and listens until it is done with it; `ordered` hears of the order as soon as it is
 * made.
 */
function converse(
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
  // Who wants no more than the order does not look at this.
  done.catch(() => undefined);
  worker.postMessage(task);
  return done;
}
