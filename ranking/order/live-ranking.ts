// One ranking in memory, and its retargeted versions. A request borrows it: the files of everything the
// request reads are kept until it returns the ranking.

import { reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { RankingSource } from '../budget/answer.ts';
import { type Cuts, openCuts } from './cuts.ts';
import { checkContent, type Ranking } from '../generation.ts';
import { holdGeneration } from '../held.ts';
import { Orders } from './orders.ts';
import type { Ordered } from './converse.ts';
import type { Choice } from './retarget.ts';
import { type Chosen, type ChosenRankings, openChosen } from './chosen.ts';
import type { Answer, Question } from '../budget/question.ts';
import { RankingView } from './ranking-view.ts';

export interface LiveRanking extends RankingSource {
  /** Answers from memory. Errors: those of `answerBudget`. */
  answer(question: Question): Promise<Answer>;
  /** The distribution of the chosen scores, from memory. Errors: those of `retarget`. */
  histogram(choice: Choice): Promise<Ranking['histogram']>;
  /**
   * The positions of `count` documents on each side of a cut that keeps `keptDocuments`, from memory;
   * undefined while equal scores are not in the order of their keys. Errors: those of `retarget`.
   */
  around(choice: Choice, keptDocuments: number, count: number): Promise<Uint32Array | undefined>;
}

export interface Loan {
  ranking: LiveRanking;
  release(): void;
}

/**
 * Up to this many bytes of parts are checked before they are served, which takes less than a second; larger
 * rankings are checked while they are served.
 */
const checkedFirstBytes = 128e6;
const closeWithinMs = 1_000;
/** Orders by chosen benchmarks are cached up to this total size, and at least one. */
const chosenBytes = 200e6;
const mostChosen = 16;
const bytesPerDocument = 7;

/** The documents of a ranking sorted by score, and the cuts of that order. */
export interface CutOrder extends Ordered {
  cuts: Cuts;
}

/**
 * A ranking that can be served. Its files are kept until it is closed, and those of its retargeted versions
 * as long as a borrowing request uses them.
 */
export class LoadedRanking {
  readonly ranking: Ranking;
  /** For callers that need no files. */
  readonly unlent: LiveRanking;
  /** Rejects if a part's checksum does not match. */
  readonly checked: Promise<void>;
  readonly #run: Run;
  readonly #orders: Orders;
  readonly #chosen: ChosenRankings<CutOrder>;
  readonly #letGo: () => Promise<void>;
  #published: CutOrder;
  #closed = false;
  #users = 0;
  #nextPart = 0;

  private constructor(
    run: Run,
    ranking: Ranking,
    orders: Orders,
    published: CutOrder,
    isChecked: boolean,
    letGo: () => Promise<void>,
  ) {
    this.#run = run;
    this.ranking = ranking;
    this.#orders = orders;
    this.#published = published;
    this.#letGo = letGo;
    const most = Math.max(
      1,
      Math.min(mostChosen, Math.floor(chosenBytes / (bytesPerDocument * ranking.documents))),
    );
    this.#chosen = openChosen(run, ranking, most, async (benchmarks) =>
      withCuts(run, await orders.retarget(benchmarks, this.#published)),
    );
    this.unlent = this.#view(() => undefined);
    const prepared = this.#prepare().catch((error: unknown) => this.#closed || reportBackground(error));
    this.checked = isChecked ? Promise.resolve() : prepared.then(() => orders.check());
    // The owner awaits it; until then a rejection must not end the process.
    this.checked.catch(() => undefined);
  }

  /** Reads a ranking into memory. Errors: those of `Orders.read` and `Orders.check`. */
  static async load(run: Run, ranking: Ranking): Promise<LoadedRanking> {
    const orders = new Orders(run, ranking);
    const letGo = await holdGeneration(run, ranking);
    try {
      const published = withCuts(run, await orders.read());
      const isSmall = ranking.parts.reduce((sum, { bytes }) => sum + bytes, 0) <= checkedFirstBytes;
      if (isSmall) await orders.check();
      return new LoadedRanking(run, ranking, orders, published, isSmall, letGo);
    } catch (error) {
      await orders.close(closeWithinMs);
      await letGo();
      throw error;
    }
  }

  /**
   * Checks the next part in turn against its checksum, as disks can corrupt files. Errors: FILE_DAMAGED,
   * those of reading.
   */
  async checkNext(): Promise<void> {
    const part = this.ranking.parts[this.#nextPart++ % this.ranking.parts.length];
    if (part !== undefined) await checkContent(this.#run, part);
  }

  lend(): Loan {
    this.#users++;
    const used = new Set<Chosen<CutOrder>>();
    const use = (chosen: Chosen<CutOrder>): void => {
      if (!used.has(chosen)) chosen.take();
      used.add(chosen);
    };
    const release = (): void => {
      this.#users--;
      for (const chosen of used) chosen.release();
    };
    return { ranking: this.#view(use), release };
  }

  /** Whether it is lent. */
  isUsed(): boolean {
    return this.#users > 0;
  }

  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    await this.#orders.close(withinMs);
    this.#chosen.close();
    await this.#letGo();
  }

  #view(use: (chosen: Chosen<CutOrder>) => void): LiveRanking {
    return new RankingView(
      { run: this.#run, ranking: this.ranking, published: () => this.#published, chosen: this.#chosen },
      use,
    );
  }

  /** Precomputes orders and ranks that speed up answers. */
  async #prepare(): Promise<void> {
    if (!this.#published.order.byKey)
      this.#published = withCuts(this.#run, await this.#orders.sortKeys(this.#published.order));
    await this.#orders.rankAhead();
  }
}

function withCuts(run: Run, ordered: Ordered): CutOrder {
  return { ...ordered, cuts: openCuts(run, ordered) };
}

/** A failure in the background costs only speed, so it is only logged. */
function reportBackground(error: unknown): void {
  process.stderr.write(
    `betr: the orders that speed up answers could not be precomputed: ${reasonOf(error)}\n`,
  );
}
