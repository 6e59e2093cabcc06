// Publishes a ranking as one generation, by atomically renaming one small file.

import { openSums } from '../scoring/sums.ts';
import { addUpUnknown, type ListedPart, type Part } from '../scoring/part.ts';
import { shardsOf } from '../scoring/shard-changes.ts';
import { exactTokens } from '../run/bounds.ts';
import { commitSealedJson } from '../data/files/commit.ts';
import { fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { listReasons } from './unknown.ts';
import { type Ranking, readPublished } from './generation.ts';

/**
 * Publishes the parts of a corpus as the run's ranking. Writes nothing if they are published already. Errors:
 * NO_DOCUMENTS, NO_SCORES; DISK_FULL, WRITE_FAILED.
 */
export async function publishRanking(
  run: Run,
  parts: Iterable<Part> | AsyncIterable<Part>,
  scorer: Ranking['scorer'],
): Promise<Ranking> {
  const published = await readPublished(run);
  const ranking = await draftRanking(parts, scorer, published);
  await commitRanking(run, ranking, published);
  return ranking;
}

/**
 * The ranking that the parts make. They may be streamed, as their histograms do not all fit in memory.
 * Errors: NO_DOCUMENTS, with `reasons`; NO_SCORES, with `answerNotes`; TOKENS_TOO_MANY.
 */
export async function draftRanking(
  parts: Iterable<Part> | AsyncIterable<Part>,
  scorer: Ranking['scorer'],
  published: Ranking | undefined,
  { reasons = [], answerNotes = [] }: { reasons?: readonly string[]; answerNotes?: readonly string[] } = {},
): Promise<Ranking> {
  const listed: ListedPart[] = [];
  const figures = openSums();
  for await (const { sources, histogram, unknown, ...part } of parts) {
    listed.push(part);
    figures.add({ sources, histogram, unknown });
  }
  const total = (count: (part: ListedPart) => number): number =>
    listed.reduce((sum, part) => sum + count(part), 0);
  const { documents, tokens, sources, histogram, unknown } = figures.result();
  const quarantined = total((part) => part.quarantined);
  exactTokens(
    tokens,
    sources.reduce((most, one) => (one.tokens > most.tokens ? one : most), { source: '', tokens: -1 }),
  );
  if (documents === 0 && unknown !== undefined)
    throw fail('NO_SCORES', {
      documents: addUpUnknown(unknown).documents,
      reasons: listReasons(unknown),
      notes: answerNotes,
    });
  if (documents === 0) throw fail('NO_DOCUMENTS', { files: shardsOf(listed).length, quarantined, reasons });
  const generation = nameGeneration(listed, scorer);
  return {
    generation,
    publishedAt: published?.generation === generation ? published.publishedAt : new Date().toISOString(),
    scorer,
    documents,
    tokens,
    estimatedDocuments: total((part) => part.estimatedDocuments),
    ...(unknown === undefined ? {} : { unknown }),
    textBytes: total((part) => part.textBytes),
    quarantined,
    sources,
    parts: listed.sort(
      (a, b) => order(firstShard(a), firstShard(b)) || firstRow(a) - firstRow(b) || order(a.file, b.file),
    ),
    histogram,
  };
}

/** Makes a draft the run's ranking, unless it already is. Errors: DISK_FULL, WRITE_FAILED. */
export async function commitRanking(
  run: Run,
  ranking: Ranking,
  published: Ranking | undefined,
): Promise<void> {
  if (published === undefined || fingerprint(published) !== fingerprint(ranking))
    await commitSealedJson(run.files.ranking, ranking);
}

/** A name for parts and scorer; it covers shards without documents and invalid rows too. */
export function nameGeneration(parts: readonly ListedPart[], scorer: Ranking['scorer']): string {
  const rows = parts.map(({ sha256, covers, quarantineSha256 = '' }) =>
    [
      sha256,
      quarantineSha256,
      ...covers.flatMap((own) => [own.shard, own.firstRow, own.rows, own.quarantined]),
    ].join(' '),
  );
  return fingerprint({ parts: rows.sort(), scorer }).slice(0, 12);
}

function firstShard({ covers }: ListedPart): string {
  return covers[0]?.shard ?? '';
}

function firstRow({ covers }: ListedPart): number {
  return covers[0]?.firstRow ?? 0;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
