// Opens the rankings to compare, makes cross-fitted ones and the random one if necessary, and checks that all of
// them count tokens alike: otherwise shares of tokens are not comparable.

import { isDeepStrictEqual } from 'node:util';
import { crossFitted, fittingOf, rankingRun, readScorer } from '../scoring/scorers/list.ts';
import { shardsOf } from '../scoring/shard-changes.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { withLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { type Ranking, readRanking } from '../ranking/generation.ts';
import { rankCorpus } from '../ranking/rank.ts';
import type { Contestant } from './contest.ts';
import { randomScorer } from './evaluate.ts';

/**
 * The rankings by which these scorers are measured, in order, followed by random. A scorer that learns from the
 * corpus is measured by its cross-fitted ranking, unless `inSample`. That ranking and the random one are made if
 * they are missing, out of date, or count tokens differently from the others. Errors: STEP_MISSING if another
 * ranking is missing, TOKENS_DIFFER, SCORER_UNKNOWN; those of `rankCorpus`.
 */
export async function openContestants(
  run: Run,
  scorers: readonly string[],
  { inSample }: { inSample: boolean },
  report: Report,
): Promise<[Contestant, ...Contestant[]]> {
  const listed = await Promise.all(
    scorers
      .filter((scorer) => scorer !== randomScorer)
      .map(async (scorer) => ({
        scorer,
        by: inSample ? scorer : crossFitted(scorer),
        published: fittingOf(scorer) === 'cross-fitted' ? undefined : await openContestant(run, scorer),
      })),
  );
  const published = listed.flatMap((each) => each.published ?? []);
  for (const other of published) checkTokens(published[0] ?? other, other);
  const contestants: Contestant[] = [];
  for (const { scorer, by, published: plain } of listed)
    contestants.push(
      plain?.by === by
        ? plain
        : await openMade(run, { scorer, by }, { plain, first: published[0] ?? contestants[0] }, report),
    );
  const asRandom = { scorer: randomScorer, by: randomScorer };
  const random = await openMade(run, asRandom, { first: contestants[0] }, report);
  const place = scorers.indexOf(randomScorer);
  const [first = random, ...others] = contestants.toSpliced(
    place < 0 ? contestants.length : place,
    0,
    random,
  );
  return [first, ...others];
}

/** Opens the ranking `by` that a scorer is measured by. */
async function openContestant(run: Run, scorer: string, by = scorer): Promise<Contestant> {
  const own = rankingRun(run, by);
  const ranking = own === run ? await readRanking(run) : await ifMade(readRanking(own));
  if (ranking === undefined)
    throw fail('STEP_MISSING', { need: `ranking by ${by}`, command: `betr rank --scorer ${by}` });
  return { scorer, by, fitting: fittingOf(by), run: own, ranking };
}

/**
 * Opens a ranking. Makes it if it is missing, does not fit the scorer's published ranking `plain`, or counts tokens
 * differently from `first`.
 */
async function openMade(
  run: Run,
  { scorer, by }: Pick<Contestant, 'scorer' | 'by'>,
  { plain, first }: Partial<Record<'plain' | 'first', Contestant | undefined>>,
  report: Report,
): Promise<Contestant> {
  const known = await ifMade(openContestant(run, scorer, by));
  if (
    known !== undefined &&
    (first === undefined || countAlike(first, known)) &&
    (plain === undefined || (await standsIn(known, plain)))
  )
    return known;
  const shown: Report = (progress) => report({ ...progress, stage: `rank by ${by}: ${progress.stage}` });
  // Whoever ranked by a judge that fails its exam has accepted that.
  await withLock(run, () => rankCorpus(run, shown, by, { forceJudge: true }));
  const made = await openContestant(run, scorer, by);
  if (first !== undefined) checkTokens(first, made);
  return made;
}

/** Whether a cross-fitted ranking stands in for this published one: the same scorer on the same shards. */
async function standsIn({ run, ranking }: Contestant, { ranking: plain }: Contestant): Promise<boolean> {
  const prepared = await ifMade(readScorer(run));
  return (
    prepared?.fingerprint === ranking.scorer.sha256 &&
    prepared.crossFits === plain.scorer.sha256 &&
    fingerprintShards(ranking) === fingerprintShards(plain) &&
    isDeepStrictEqual(ranking.testTargets, plain.testTargets)
  );
}

async function ifMade<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error: unknown) => {
    if (error instanceof BetrError && error.code === 'STEP_MISSING') return undefined;
    throw error;
  });
}

type Ranked = Pick<Contestant, 'scorer' | 'ranking'>;

/** Errors: TOKENS_DIFFER. */
export function checkTokens(first: Ranked, other: Ranked): void {
  if (!countAlike(first, other)) throw fail('TOKENS_DIFFER', { scorer: first.scorer, other: other.scorer });
}

/**
 * Whether both have the same token counts in all shards, or in every part computed from the same shards:
 * estimates depend on rates, which `betr index` measures again.
 */
function countAlike(a: Ranked, b: Ranked): boolean {
  if (fingerprintShards(a.ranking) === fingerprintShards(b.ranking))
    return a.ranking.tokens === b.ranking.tokens;
  const [ofA, ofB] = [countTokens(a), countTokens(b)];
  const shared = [...ofA].filter(([rows]) => ofB.has(rows));
  return shared.length > 0 && shared.every(([rows, tokens]) => ofB.get(rows) === tokens);
}

function fingerprintShards({ parts }: Ranking): string {
  return fingerprint(
    shardsOf(parts)
      .map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs].join('\n'))
      .sort(),
  );
}

function countTokens({ ranking }: Ranked): Map<string, number> {
  return new Map(
    ranking.parts.map(({ covers, tokens }) => [
      covers
        .map(({ shard, bytes, modifiedMs, firstRow, rows }) =>
          [shard, bytes, modifiedMs, firstRow, rows].join('\n'),
        )
        .join('\n'),
      tokens,
    ]),
  );
}
