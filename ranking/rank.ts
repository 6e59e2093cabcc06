// Ranks the whole corpus: scores what is not scored yet, publishes the generation, and clears away what no
// generation needs any more.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureTokenRates } from '../scoring/corpus-rates.ts';
import { type RunningSums, openSums } from '../scoring/sums.ts';
import { chunkOf, type CoveredRows, isChunkName, type ListedPart, type Part } from '../scoring/part.ts';
import { foldManifests, readCards, readFolded } from '../scoring/published.ts';
import { collectScores, type CorpusScores, scoreCorpus } from '../scoring/score-corpus.ts';
import { defaultScorer, prepareScorer, rankingRun, readScorer } from '../scoring/scorers/list.ts';
import type { PreparedScorer } from '../scoring/scorers/kind.ts';
import { compareShards, type ShardChanges, shardsOf } from '../scoring/shard-changes.ts';
import { BetrError } from '../run/errors/errors.ts';
import { listFolder } from '../data/files/files.ts';
import { watchLeases } from '../data/files/lease.ts';
import { checkLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { describeReasons, describeUnusable, type UnusableShards } from '../data/files/unusable.ts';
import { describeTestTargets } from '../indexer/test-targets.ts';
import { formatCountOf, formatNames } from '../run/amounts.ts';
import { readLaw } from './budget/calibrations.ts';
import { type Drift, measureDrift, readDrift, writeDrift } from './drift.ts';
import { readHeld } from './held.ts';
import { prepareIfServed, removePrepared } from './order/prepare.ts';
import { compareWithPrediction, type Prediction } from './predict.ts';
import { commitRanking, draftRanking, type Ranking, readPublished } from './generation.ts';
import { findUnusable } from './unusable.ts';

export interface RankResult {
  ranking: Ranking;
  /** Whether this call published a generation, or found the published one to be the corpus's. */
  published: boolean;
  /** Against the generation before; null where nothing new was published, or nothing before. */
  drift: Drift | null;
  /**
   * What was predicted of this corpus beside what came of it; null where nothing was, or it was told before.
   */
  prediction: Prediction | null;
  scores: Omit<CorpusScores, 'parts'>;
  /** Shards of the ranking that have no document in it. */
  withoutDocuments: UnusableShards;
  /** What somebody who reads the ranking has to know of the scorer and of the shards. */
  notes: string[];
}

/**
 * Ranks the corpus of a run by a scorer; each has a ranking of its own. Errors: SCORER_UNKNOWN and those of
 * the scorer; STEP_MISSING, NO_DOCUMENTS, WORKERS_LOST, those of reading the corpus and of writing.
 */
export async function rankCorpus(main: Run, report: Report, scorer = defaultScorer): Promise<RankResult> {
  const { run, prepared } = await prepareRanking(main, scorer, report);
  const publish = (damaged: readonly string[] = []): Promise<RankResult> =>
    publishScores(run, prepared, report, async () => {
      const scores = await scoreCorpus(run, report);
      // A card that was removed is missing now, for the reason that is known.
      return damaged.length === 0 ? scores : { ...scores, scoredAgain: [...damaged] };
    });
  try {
    return await publish();
  } catch (error) {
    if (!(error instanceof BetrError) || error.code !== 'PARTS_DAMAGED') throw error;
    // What was damaged is gone by now, and is made again.
    return publish(z.array(z.string()).parse(error.values.problems));
  }
}

/**
 * Makes ready what scores of a ranking depend on: the scorer, and token rates where there is no index.
 * Errors: those of `prepareScorer` and `ensureTokenRates`.
 */
export async function prepareRanking(
  main: Run,
  scorer: string,
  report: Report,
): Promise<{ run: Run; prepared: PreparedScorer }> {
  const ready = await prepareScorer(main, scorer, report);
  // BETR's own classifier comes from an index.
  if (ready.run.ranking !== '') await ensureTokenRates(main, report);
  return ready;
}

/**
 * Publishes what workers have scored, without scoring. Errors: CHUNKS_LEFT, STEP_MISSING, PLAN_STALE,
 * NO_DOCUMENTS, those of writing.
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
  // Of many, those that came last are named.
  const withoutDocuments = await findUnusable(run, parts, new Set([...changes.fresh, ...changes.changed]));
  const drafted = await draftRanking(
    addUpFresh(readCards(run.files.scores, parts), before, fresh),
    { outputs: prepared.outputs, sha256: prepared.fingerprint },
    before,
    describeReasons(withoutDocuments.first),
  );
  const ranking: Ranking = testTargets.length === 0 ? drafted : { ...drafted, testTargets };
  const published = before?.generation !== ranking.generation;
  const notes = [
    ...prepared.notes,
    ...describeTestTargets(testTargets),
    ...scores.notes,
    ...describeUnusable(withoutDocuments),
    ...describeChanges(changes, scores.meanwhile),
    ...scores.scoredAgain.map((problem) => `scored again what could not be used: ${problem}`),
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
  // First, because the last generation is gone once the next is there.
  if (drift !== null) await writeDrift(run, drift);
  else await readDrift(run, ranking).catch(() => rm(run.files.drift, { force: true }));
  await commitRanking(run, ranking, before);
  const generations = [ranking, ...(before === undefined ? [] : [before])];
  if (published) await removePrepared(run, generations);
  // Where nothing is published, the generation before stays as well: it is in what was folded last.
  await removeStale(run, [
    ...generations.flatMap((one) => one.parts),
    ...(published ? [] : await readFolded(run)),
  ]);
  const prediction = (await compareWithPrediction(run, ranking, { parts, ...scores })) ?? null;
  return { ranking, published, drift, prediction, scores, withoutDocuments, notes };
}

/**
 * What readers have to know of shards that are no longer what they were: in the generation before, or as they
 * were planned.
 */
function describeChanges({ changed, gone }: ShardChanges, meanwhile: ShardChanges): string[] {
  const told = new Set([...changed, ...gone]);
  const say = (names: readonly string[], what: (one: boolean) => string): string[] =>
    names.length === 0
      ? []
      : [`${formatCountOf(names.length, 'shard')} ${what(names.length === 1)}: ${formatNames(names)}`];
  return [
    ...say(changed, (one) => `changed since the last generation, and ${one ? 'was' : 'were'} scored anew`),
    ...say(gone, (one) => `of the last generation ${one ? 'is' : 'are'} no longer there, and left out`),
    ...say(
      meanwhile.changed.filter((name) => !told.has(name)),
      (one) =>
        `changed while ${one ? 'it was' : 'they were'} scored, and ${one ? 'was' : 'were'} scored anew`,
    ),
    ...say(
      meanwhile.gone.filter((name) => !told.has(name)),
      (one) => `${one ? 'was' : 'were'} there at first and ${one ? 'is' : 'are'} no longer, and left out`,
    ),
  ];
}

/** Passes the parts on and adds up those with a shard that the generation before does not have as it is. */
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

/**
 * Removes what neither generation lists, of which these are the parts, and nobody holds: readers of the last
 * one may still be at work.
 */
export async function removeStale(run: Run, parts: readonly ListedPart[]): Promise<void> {
  await checkLock(run);
  const held = await readHeld(run);
  const needed = new Set([...parts.map(({ file }) => file), ...held.flatMap(({ files }) => files)]);
  await foldManifests(run, ({ file }) => needed.has(file));
  const chunks = new Set([...needed].map(chunkOf));
  const atWork = await isAnybodyAtWork(run);
  const isTemporary = (name: string): boolean =>
    /\.(spill|takeover)$/.test(name) || (name.startsWith('.') && name.endsWith('.tmp'));
  for (const folder of [run.files.scores, run.files.quarantine, run.files.manifest, run.files.leases]) {
    for (const name of await listFolder(folder)) {
      const chunk = chunkOf(name);
      const stale = chunk === undefined ? !atWork && isTemporary(name) : !chunks.has(chunk);
      if (stale) await rm(join(folder, name), { force: true, recursive: true });
    }
  }
}

/**
 * Whether a worker may be alive, here or elsewhere. The leases of those that are gone from this machine are
 * removed.
 */
async function isAnybodyAtWork(run: Run): Promise<boolean> {
  const watch = watchLeases(Infinity);
  const free = await Promise.all(
    (await listFolder(run.files.leases))
      .filter(isChunkName)
      .map((name) => watch.isFree(join(run.files.leases, name))),
  );
  return !free.every(Boolean);
}
