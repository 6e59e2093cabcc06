// One ranking in memory, and what is made of it by chosen benchmarks. A request borrows it: what it looked at keeps its files until it gives the ranking back.

import { join } from 'node:path';
import { reasonOf } from '../../run/errors/errors.ts';
import { sizeOf } from '../../data/files/files.ts';
import type { Run } from '../../run/run.ts';
import { answerFrom, checkQuestion } from '../budget/answer.ts';
import { readLaw } from '../budget/calibrations.ts';
import type { Cutoff } from '../cutoff.ts';
import { type Cuts, openCuts } from './cuts.ts';
import { checkContent, type Ranking } from '../generation.ts';
import { holdGeneration } from '../held.ts';
import type { Law } from '../budget/laws.ts';
import { openOrders, type Ordered } from './orders.ts';
import { type Choice, chooseBenchmarks } from './retarget.ts';
import { type Chosen, openChosen } from './chosen.ts';
import type { Answer, Question } from '../budget/question.ts';

export interface LiveRanking {
  /** As published. */
  ranking: Ranking;
  /** From memory. Errors: those of `answerBudget`. */
  answerOnly(question: Question): Promise<Answer>;
  /** With the whole cutoff, for SQL; of a cut through equal scores the keys are read from disk. Errors: the same. */
  answer(question: Question): Promise<{ answer: Answer; cutoff: Cutoff }>;
  /**
   * The ranking that a question is about, for what asks SQL: as published, or by the question's benchmarks, once its files are there.
   * Errors: BENCHMARK_UNKNOWN, OPTION_INVALID; those of `combineScores` and of writing.
   */
  target(choice: Choice): Promise<Ranking>;
  /** How the scores that a question is about lie, from memory. Errors: as `target`. */
  histogram(choice: Choice): Promise<Ranking['histogram']>;
  /** The positions of `count` documents on each side of a cut that keeps so many, from memory; undefined while equal scores are not in the order of their keys. Errors: as `target`. */
  around(choice: Choice, keptDocuments: number, count: number): Promise<Uint32Array | undefined>;
}

export interface Lease {
  ranking: LiveRanking;
  release(): void;
}

/** A ranking that can be served; of itself it keeps no files. */
export interface LoadedRanking extends LiveRanking {
  lend(): Lease;
  /** Whether it is lent. */
  isUsed(): boolean;
  /** Rejects where a part is found not to be what was published. */
  checked: Promise<void>;
  /** Reads one part again, each time the next, and holds it against its checksum: a disk may alter what nobody wrote. Errors: FILE_DAMAGED, those of reading. */
  checkNext(): Promise<void>;
  close(withinMs: number): Promise<void>;
}

/** Parts of so many bytes are held against their checksums before they are served, which takes less than a second; more of them meanwhile. */
const checkedFirstBytes = 128e6;
const closeWithinMs = 1_000;
/** Orders by chosen benchmarks are kept up to this size together, and at least one. */
const targetBytes = 200e6;
const mostTargets = 16;
const bytesPerDocument = 7;

interface Target extends Ordered {
  cuts: Cuts;
}

/** Reads a ranking into memory. Errors: those of `openOrders`. */
export async function loadRanking(run: Run, ranking: Ranking): Promise<LoadedRanking> {
  const orders = openOrders(run, ranking);
  const open = (ordered: Ordered): Target => ({ ...ordered, cuts: openCuts(run, ordered) });
  let closed = false;
  let users = 0;
  let next = 0;
  const letGo = await holdGeneration(run, ranking);
  try {
    let published = open(await orders.read());
    const isSmall = ranking.parts.reduce((sum, { bytes }) => sum + bytes, 0) <= checkedFirstBytes;
    if (isSmall) await orders.check();
    const prepareMore = async (): Promise<void> => {
      if (!published.order.byKey) published = open(await orders.sortKeys(published.order));
      await orders.rankAhead();
    };
    const prepared = prepareMore().catch((error: unknown) => closed || reportBackground(error));
    const checked = isSmall ? Promise.resolve() : prepared.then(() => orders.check());
    // Whoever serves it hears of it.
    checked.catch(() => undefined);
    const most = Math.max(1, Math.min(mostTargets, Math.floor(targetBytes / (bytesPerDocument * ranking.documents))));
    const chosenRankings = openChosen(run, ranking, most, (benchmarks) => orders.retarget(benchmarks, published).then(open));
    /** A request's view; `use` is told what it looks at. */
    const answering = (use: (chosen: Chosen<Target>) => void): LiveRanking => {
      const choose = (choice: Choice): Chosen<Target> | undefined => {
        const benchmarks = chooseBenchmarks(ranking, choice);
        if (benchmarks === undefined) return undefined;
        const chosen = chosenRankings.find(benchmarks);
        use(chosen);
        return chosen;
      };
      const find = (choice: Choice): Promise<Target> | Target => choose(choice)?.target ?? published;
      const findFiles = async (choice: Choice): Promise<Ranking> => {
        const chosen = choose(choice);
        if (chosen === undefined) return ranking;
        const target = await chosen.target;
        await target.written;
        if ((await sizeOf(target.ranking.target?.path ?? '')) !== undefined) return target.ranking;
        // Somebody has removed what was held.
        chosenRankings.forget(chosen);
        const again = await find(choice);
        await again.written;
        return again.ranking;
      };
      const prepare = async (question: Question): Promise<{ law: Law; target: Target }> => {
        const law = await readLaw(run, question.pool ?? run.settings.keep.pool);
        // Nothing costly is done for a question that has no answer.
        checkQuestion(question);
        return { law, target: await find(question) };
      };
      return {
        ranking,
        async answerOnly(question) {
          const { law, target } = await prepare(question);
          return (await answerFrom({ settings: run.settings.keep, ranking: target.ranking, law, cut: target.cuts.cut }, question)).answer;
        },
        async answer(question) {
          const { law, target } = await prepare(question);
          return answerFrom({ settings: run.settings.keep, ranking: target.ranking, law, cut: target.cuts.find }, question);
        },
        target: findFiles,
        histogram: async (choice) => (await find(choice)).ranking.histogram,
        async around(choice, keptDocuments, count) {
          const { byKey, positions } = (await find(choice)).order;
          return byKey ? positions.slice(Math.max(0, keptDocuments - count), keptDocuments + count) : undefined;
        },
      };
    };
    return {
      ...answering(() => undefined),
      checked,
      async checkNext() {
        const part = ranking.parts[next++ % ranking.parts.length];
        if (part !== undefined) await checkContent(join(run.files.scores, part.file), part.sha256);
      },
      lend() {
        users++;
        const used = new Set<Chosen<Target>>();
        const use = (chosen: Chosen<Target>): void => {
          if (!used.has(chosen)) chosen.take();
          used.add(chosen);
        };
        return {
          ranking: answering(use),
          release() {
            users--;
            for (const chosen of used) chosen.release();
          },
        };
      },
      isUsed: () => users > 0,
      async close(withinMs) {
        closed = true;
        await orders.close(withinMs);
        chosenRankings.close();
        await letGo();
      },
    };
  } catch (error) {
    await orders.close(closeWithinMs);
    await letGo();
    throw error;
  }
}

/** What fails in the background costs only speed, and is told to whoever reads the log. */
function reportBackground(error: unknown): void {
  process.stderr.write(`betr: what makes answers faster could not be made ahead: ${reasonOf(error)}\n`);
}
