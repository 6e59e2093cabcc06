// The arms of a trial: which cuts of which rankings its models are trained on. No filter and random cuts of the same
// sizes are always among them, because without them no result has a meaning.

import { rankCorpus } from '../../ranking/rank.ts';
import { type Ranking, readRanking } from '../../ranking/generation.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { type Run, rankCommandOf } from '../../run/run.ts';
import { asksModel, defaultScorer, rankingName, rankingRun } from '../../scoring/scorers/list.ts';
import { checkTokens } from '../contestants.ts';
import { noFilterArm, type PlannedArm, randomArm } from './plan-file.ts';

export interface ArmOptions {
  /** Scorers; `no-filter` and `random` may be among them. */
  names: readonly string[];
  keeps: readonly number[];
  randomDraws: number;
}

/** An arm and the ranking that it cuts, or that lists its documents. */
export interface OpenArm {
  arm: Pick<PlannedArm, 'id' | 'kind' | 'scorer' | 'keep' | 'draw' | 'generation'>;
  run: Run;
  ranking: Ranking;
}

/**
 * Opens the rankings and lists the arms: no filter, random draws at each keep rate, and each ranking at each. A ranking
 * that needs no language model is made if it is missing. Errors: SCORER_UNKNOWN, STEP_MISSING, TOKENS_DIFFER,
 * TRIAL_TARGETS; those of `rankCorpus`.
 */
export async function openArms(
  run: Run,
  { names, keeps, randomDraws }: ArmOptions,
  report: Report,
): Promise<OpenArm[]> {
  const scorers = [...new Set(names)].filter((name) => name !== noFilterArm && name !== randomArm);
  // Names that are wrong fail before anything is made.
  for (const scorer of scorers) rankingRun(run, scorer);
  const opened: { scorer: string; run: Run; ranking: Ranking }[] = [];
  for (const scorer of scorers) opened.push({ scorer, ...(await openRanking(run, scorer, report)) });
  const lists = opened[0] ?? { scorer: '', ...(await openAny(run, report)) };
  for (const { scorer, ranking } of opened) {
    checkTokens(lists, { scorer, ranking });
    if (ranking.testTargets !== undefined)
      throw fail('TRIAL_TARGETS', {
        arm: scorer,
        benchmarks: ranking.testTargets.map(({ benchmark }) => `"${benchmark}"`).join(', '),
      });
  }
  const all = { scorer: '', generation: lists.ranking.generation };
  const place = { run: lists.run, ranking: lists.ranking };
  const draws = Array.from({ length: randomDraws }, (_, i) => i + 1);
  return [
    { ...place, arm: { ...all, id: noFilterArm, kind: 'no filter', keep: 1, draw: 0 } },
    ...keeps.flatMap((keep) =>
      draws.map((draw): OpenArm => ({
        ...place,
        arm: { ...all, id: `${randomArm}${draw}.${nameKeep(keep)}`, kind: 'random', keep, draw },
      })),
    ),
    ...opened.flatMap((each) =>
      keeps.map((keep): OpenArm => ({
        run: each.run,
        ranking: each.ranking,
        arm: {
          id: `${each.run.ranking === '' ? defaultScorer : rankingName(run, each.scorer)}.${nameKeep(keep)}`,
          kind: 'ranking',
          scorer: each.scorer,
          keep,
          draw: 0,
          generation: each.ranking.generation,
        },
      })),
    ),
  ];
}

/** 0.1 as "k10", 0.005 as "k0.5". */
function nameKeep(keep: number): string {
  return `k${Number((100 * keep).toPrecision(6))}`;
}

async function openRanking(
  main: Run,
  scorer: string,
  report: Report,
): Promise<{ run: Run; ranking: Ranking }> {
  const run = rankingRun(main, scorer);
  try {
    return { run, ranking: await readRanking(run) };
  } catch (error) {
    if (!(error instanceof BetrError) || error.code !== 'STEP_MISSING') throw error;
    // The run's own ranking takes an index, and a judge takes hours: both are for the user to start.
    if (run.ranking === '') throw error;
    if (asksModel(scorer))
      throw fail('STEP_MISSING', { need: `ranking by ${scorer}`, command: rankCommandOf(run) }, error);
  }
  const shown: Report = (progress) => report({ ...progress, stage: `rank by ${scorer}: ${progress.stage}` });
  return { run, ranking: (await rankCorpus(main, shown, scorer)).ranking };
}

/** Any ranking, to list the documents. */
async function openAny(run: Run, report: Report): Promise<{ run: Run; ranking: Ranking }> {
  try {
    return { run, ranking: await readRanking(run) };
  } catch (error) {
    if (error instanceof BetrError && error.code === 'STEP_MISSING')
      return openRanking(run, randomArm, report);
    throw error;
  }
}
