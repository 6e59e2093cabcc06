// A request's view of a live ranking, which records the retargeted rankings it uses.

import { sizeOf } from '../../data/files/files.ts';
import type { Run } from '../../run/run.ts';
import { cutRanking } from '../budget/answer.ts';
import { resolveQuestion } from '../budget/resolve-question.ts';
import type { Cutoff } from '../cutoff.ts';
import type { Ranking } from '../generation.ts';
import { type Choice, chooseBenchmarks } from './retarget.ts';
import type { Chosen, ChosenRankings } from './chosen.ts';
import type { Answer, Question } from '../budget/question.ts';
import type { LiveRanking, CutOrder } from './live-ranking.ts';

interface ViewSource {
  run: Run;
  ranking: Ranking;
  published: () => CutOrder;
  chosen: ChosenRankings<CutOrder>;
}

/** A request's view; it reports the retargeted rankings it uses to `use`. */
export class RankingView implements LiveRanking {
  readonly ranking: Ranking;
  readonly #source: ViewSource;
  readonly #use: (chosen: Chosen<CutOrder>) => void;

  constructor(source: ViewSource, use: (chosen: Chosen<CutOrder>) => void) {
    this.ranking = source.ranking;
    this.#source = source;
    this.#use = use;
  }

  async answer(question: Question): Promise<Answer> {
    const resolved = await resolveQuestion(this.#source.run, question);
    const { ranking, cuts } = await this.#find(question);
    return (await cutRanking(resolved, ranking, cuts.cut)).answer;
  }

  /** For a cut among equal scores it reads the keys from disk. */
  async answerWithCutoff(question: Question): Promise<{ answer: Answer; cutoff: Cutoff }> {
    const resolved = await resolveQuestion(this.#source.run, question);
    const { ranking, cuts } = await this.#find(question);
    return cutRanking(resolved, ranking, cuts.find);
  }

  /** Waits until its files are written. */
  async retarget(choice: Choice): Promise<Ranking> {
    const chosen = this.#choose(choice);
    if (chosen === undefined) return this.ranking;
    const { written, ranking } = await chosen.made;
    await written;
    if ((await sizeOf(ranking.chosen?.path ?? '')) !== undefined) return ranking;
    // Somebody has removed the file in spite of the hold.
    this.#source.chosen.forget(chosen);
    const again = await this.#find(choice);
    await again.written;
    return again.ranking;
  }

  async histogram(choice: Choice): Promise<Ranking['histogram']> {
    return (await this.#find(choice)).ranking.histogram;
  }

  async around(choice: Choice, keptDocuments: number, count: number): Promise<Uint32Array | undefined> {
    const { byKey, positions } = (await this.#find(choice)).order;
    return byKey ? positions.slice(Math.max(0, keptDocuments - count), keptDocuments + count) : undefined;
  }

  #find(choice: Choice): Promise<CutOrder> | CutOrder {
    return this.#choose(choice)?.made ?? this.#source.published();
  }

  #choose(choice: Choice): Chosen<CutOrder> | undefined {
    const benchmarks = chooseBenchmarks(this.ranking, choice);
    if (benchmarks === undefined) return undefined;
    const chosen = this.#source.chosen.find(benchmarks);
    this.#use(chosen);
    return chosen;
  }
}
