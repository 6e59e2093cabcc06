// Ranks the corpus: scores what is not scored yet, publishes the generation, and removes files that no
// generation needs any more.

import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { ensureTokenRates } from '../scoring/corpus-rates.ts';
import { type RunningSums, openSums } from '../scoring/sums.ts';
import type { CoveredRows, Part } from '../scoring/part.ts';
import { readFolded } from '../scoring/fold-manifests.ts';
import { readCards } from '../scoring/cards.ts';
import { collectScores, type CorpusScores, scoreCorpus } from '../scoring/score-corpus.ts';
import { defaultScorer, prepareScorer, rankingRun, readScorer } from '../scoring/scorers/list.ts';
import type { PreparedScorer } from '../scoring/scorers/kind.ts';
import { compareShards, type ShardChanges, shardsOf } from '../scoring/shard-changes.ts';
import { BetrError } from '../run/errors/errors.ts';
import { checkLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { describeReasons, describeUnusable, type UnusableShards } from '../data/files/unusable.ts';
import { describeTestTargets } from '../indexer/test-targets.ts';
import { formatCountOf, formatNames } from '../run/amounts.ts';
import { readLaw } from './budget/calibrations.ts';
import { type Drift, measureDrift, readDrift, writeDrift } from './drift.ts';
import { prepareIfServed, removePrepared } from './order/prepare.ts';
import { compareWithPrediction, type Prediction } from './predict.ts';
import { type Ranking, readPublished } from './generation.ts';
import { commitRanking, draftRanking } from './publish.ts';
import { findUnusable } from './unusable.ts';
import { removeStale } from './remove-stale.ts';

export interface RankResult {
  ranking: Ranking;
  /** The folder of the ranking's files. */
  folder: string;
  /** Whether this call published a generation; false if the published one was up to date. */
  published: boolean;
  /** Since the previous generation; null if nothing new was published, or there was no previous one. */
  drift: Drift | null;
  /**
   * The prediction for this corpus with the actual values; null without one, or if it was reported before.
   */
  prediction: Prediction | null;
  scores: Omit<CorpusScores, 'parts'>;
  /** Shards without a document in the ranking. */
  withoutDocuments: UnusableShards;
  /** What users of the ranking must know about the scorer and the shards. */
  notes: string[];
  /** Why the ranking may be worthless. */
  warnings: readonly string[];
}

export interface RankOptions {
  /** Use a judge even if it fails its exam. */
  forceJudge?: boolean;
}

/**
 * Ranks the corpus of a run by a scorer; every scorer has its own ranking. Errors: SCORER_UNKNOWN and those
 * of the scorer; STEP_MISSING, NO_DOCUMENTS, NO_SCORES, WORKERS_LOST, those of reading the corpus and of writing.
 */
export async function rankCorpus(
  main: Run,
  report: Report,
  scorer = defaultScorer,
  { forceJudge = false }: RankOptions = {},
): Promise<RankResult> {
  const { run, prepared } = await prepareRanking(main, scorer, report, { forceJudge });
  const publish = (damaged: readonly string[] = []): Promise<RankResult> =>
    publishScores(run, prepared, report, async () => {
      const scores = await scoreCorpus(run, report);
      // The damaged files were removed, so report the original damage as the reason.
      return damaged.length === 0 ? scores : { ...scores, scoredAgain: [...damaged] };
    });
  try {
    return await publish();
  } catch (error) {
    if (!(error instanceof BetrError) || error.code !== 'PARTS_DAMAGED') throw error;
    // The damaged files are removed by now and get scored again.
    return publish(z.array(z.string()).parse(error.values.problems));
  }
}

/**
 * Prepares what scores depend on: the scorer, and token rates if there is no index. Errors: those of
 * `prepareScorer` and `ensureTokenRates`.
 */
export async function prepareRanking(
  main: Run,
  scorer: string,
  report: Report,
  { forceJudge = false }: RankOptions = {},
): Promise<{ run: Run; prepared: PreparedScorer }> {
  const ready = await prepareScorer(main, scorer, report, forceJudge);
  // BETR's classifier comes from an index.
  if (ready.run.ranking !== '') await ensureTokenRates(main, report);
  return ready;
}

/**
 * Publishes what workers have scored. Errors: CHUNKS_LEFT, STEP_MISSING, PLAN_STALE, NO_DOCUMENTS, NO_SCORES,
 * those of writing.
 */
export async function publishScored(main: Run, report: Report, scorer = defaultScorer): Promise<RankResult> {
  const run = rankingRun(main, scorer);
  return publishScores(run, await readScorer(run), report, () => collectScores(run));
}

async function publishScores(
  run: Run,
  prepared: PreparedScorer,
  report: Report,
  score: () => Promise<CorpusScores>,
): Promise<RankResult> {
  const { parts, ...scores } = await score();
  const before = await readPublished(run);
  const fresh = openSums();
  const { testTargets = [] } = prepared;
  const changes = compareShards(shardsOf(before?.parts ?? []), shardsOf(parts));
  // If there are many, the newest are named.
  const withoutDocuments = await findUnusable(run, parts, new Set([...changes.fresh, ...changes.changed]));
  const drafted = await draftRanking(
    addUpFresh(readCards(run.files.scores, parts), before, fresh),
    {
      outputs: prepared.outputs,
      sha256: prepared.fingerprint,
      ...(prepared.details === undefined ? {} : { details: prepared.details }),
    },
    before,
    { reasons: describeReasons(withoutDocuments.first), answerNotes: prepared.answerNotes ?? [] },
  );
  const ranking: Ranking = testTargets.length === 0 ? drafted : { ...drafted, testTargets };
  const published = before?.generation !== ranking.generation;
  const notes = [
    ...prepared.notes,
    ...describeTestTargets(testTargets),
    ...scores.notes,
    ...describeUnusable(withoutDocuments),
    ...describeChanges(changes, scores.meanwhile),
    ...scores.scoredAgain.map((problem) => `scored again: ${problem}`),
  ];
  const drift =
    before !== undefined && published
      ? measureDrift(
          before,
          ranking,
          fresh.result(),
          run.settings,
          await readLaw(run, run.settings.keep.pool),
        )
      : null;
  if (published) notes.push(...(await prepareIfServed(run, ranking, report)));
  await checkLock(run);
  // First, because the last generation is gone once the next is published.
  if (drift !== null) await writeDrift(run, drift);
  else await readDrift(run, ranking).catch(() => rm(run.files.drift, { force: true }));
  await commitRanking(run, ranking, before);
  const generations = [ranking, ...(before === undefined ? [] : [before])];
  if (published) await removePrepared(run, generations);
  // If nothing was published, the previous generation stays too: the last folded manifest lists it.
  await removeStale(run, [
    ...generations.flatMap((one) => one.parts),
    ...(published ? [] : await readFolded(run)),
  ]);
  const prediction = (await compareWithPrediction(run, ranking, { parts, ...scores })) ?? null;
  const folder = dirname(run.files.ranking);
  const { warnings = [] } = prepared;
  return { ranking, folder, published, drift, prediction, scores, withoutDocuments, notes, warnings };
}

/** Notes about shards that differ from the previous generation or from the plan. */
function describeChanges({ changed, gone }: ShardChanges, meanwhile: ShardChanges): string[] {
  const listed = new Set([...changed, ...gone]);
  const say = (names: readonly string[], what: (one: boolean) => string): string[] =>
    names.length === 0
      ? []
      : [`${formatCountOf(names.length, 'shard')} ${what(names.length === 1)}: ${formatNames(names)}`];
  return [
    ...say(changed, (one) => `changed since the last generation and ${one ? 'was' : 'were'} scored again`),
    ...say(
      gone,
      (one) => `of the last generation no longer ${one ? 'exists and is' : 'exist and are'} left out`,
    ),
    ...say(
      meanwhile.changed.filter((name) => !listed.has(name)),
      (one) => `changed while being scored and ${one ? 'was' : 'were'} scored again`,
    ),
    ...say(
      meanwhile.gone.filter((name) => !listed.has(name)),
      (one) => `disappeared during scoring and ${one ? 'is' : 'are'} left out`,
    ),
  ];
}

/** Passes the parts through and adds up those with a shard that is new or changed. */
async function* addUpFresh(
  parts: AsyncIterable<Part>,
  before: Ranking | undefined,
  fresh: RunningSums,
): AsyncGenerator<Part> {
  const stateOf = ({ shard, bytes, modifiedMs }: CoveredRows): string =>
    JSON.stringify([shard, bytes, modifiedMs]);
  const known = new Set(before?.parts.flatMap(({ covers }) => covers.map(stateOf)));
  for await (const part of parts) {
    if (part.covers.some((rows) => !known.has(stateOf(rows)))) fresh.add(part);
    yield part;
  }
}
