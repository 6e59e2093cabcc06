// Opens the rankings to compare, creates the random one if necessary, and checks that all of them count
// tokens alike: otherwise shares of tokens are not comparable.

import { rankingRun } from '../scoring/scorers/list.ts';
import { shardsOf } from '../scoring/shard-changes.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { withLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { readRanking } from '../ranking/generation.ts';
import { rankCorpus } from '../ranking/rank.ts';
import type { Contestant } from './contest.ts';
import { randomScorer } from './evaluate.ts';

/**
 * The rankings by these scorers, in order, followed by random. The random ranking is created if it is
 * missing or counts tokens differently from the others. Errors: STEP_MISSING if another ranking is missing,
 * TOKENS_DIFFER, SCORER_UNKNOWN; those of `rankCorpus`.
 */
export async function openContestants(
  run: Run,
  scorers: readonly string[],
  report: Report,
): Promise<[Contestant, ...Contestant[]]> {
  const [first, ...others] = await Promise.all(
    scorers.filter((scorer) => scorer !== randomScorer).map((scorer) => openContestant(run, scorer)),
  );
  for (const other of others) if (first !== undefined) checkTokens(first, other);
  const random = await openRandom(run, first, report);
  const place = scorers.indexOf(randomScorer);
  if (first === undefined || place === 0) return [random, ...(first === undefined ? [] : [first]), ...others];
  return [first, ...others.toSpliced(place < 0 ? others.length : place - 1, 0, random)];
}

async function openContestant(run: Run, scorer: string): Promise<Contestant> {
  const own = rankingRun(run, scorer);
  return { scorer, run: own, ranking: await readRanking(own) };
}

async function openRandom(run: Run, first: Contestant | undefined, report: Report): Promise<Contestant> {
  const known = await openContestant(run, randomScorer).catch((error: unknown) => {
    if (error instanceof BetrError && error.code === 'STEP_MISSING') return undefined;
    throw error;
  });
  if (known !== undefined && (first === undefined || countAlike(first, known))) return known;
  await withLock(run, () => rankCorpus(run, report, randomScorer));
  const made = await openContestant(run, randomScorer);
  if (first !== undefined) checkTokens(first, made);
  return made;
}

function checkTokens(first: Contestant, other: Contestant): void {
  if (!countAlike(first, other)) throw fail('TOKENS_DIFFER', { scorer: first.scorer, other: other.scorer });
}

/**
 * Whether both have the same token counts in all shards, or in every part computed from the same shards:
 * estimates depend on rates, which `betr index` measures again.
 */
function countAlike(a: Contestant, b: Contestant): boolean {
  const [shardsOfA, shardsOfB] = [a, b].map(({ ranking }) =>
    fingerprint(
      shardsOf(ranking.parts)
        .map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs].join('\n'))
        .sort(),
    ),
  );
  if (shardsOfA === shardsOfB) return a.ranking.tokens === b.ranking.tokens;
  const [ofA, ofB] = [countTokens(a), countTokens(b)];
  const shared = [...ofA].filter(([rows]) => ofB.has(rows));
  return shared.length > 0 && shared.every(([rows, tokens]) => ofB.get(rows) === tokens);
}

function countTokens({ ranking }: Contestant): Map<string, number> {
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
