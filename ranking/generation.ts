// A ranking: every document's score, published as one generation by renaming one small file, `ranking.json`.
// Who reads it sees either the generation before or the one after, never a mixture.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { openSums } from '../scoring/sums.ts';
import { histogramSchema, type ListedPart, listedPartSchema, type Part } from '../scoring/part.ts';
import { shardsOf } from '../scoring/shard-changes.ts';
import { exactTokens } from '../run/bounds.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { testTargetsSchema } from '../indexer/index-card.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { sizeOf } from '../data/files/files.ts';

const whole = z.number().int().nonnegative();
const rankCommand = 'betr rank';

export const rankingSchema = z.strictObject({
  /** Names what the ranking consists of: the same parts by the same scorer give the same name. */
  generation: z.string(),
  /** When this generation was first published, ISO 8601. */
  publishedAt: z.iso.datetime(),
  /** The joint score's name first, then the benchmarks that have a score of their own (column score_NAME). */
  scorer: z.strictObject({ outputs: z.array(z.string()), sha256: z.string() }),
  documents: whole,
  tokens: whole,
  /** Documents whose token count is an estimate. */
  estimatedDocuments: whole,
  textBytes: whole,
  quarantined: whole,
  sources: z.array(z.strictObject({ source: z.string(), documents: whole, tokens: whole })),
  /**
   * Files inside scores/, in the order of their first shards and rows, and the shards as they were when
   * scored.
   */
  parts: z.array(listedPartSchema),
  /**
   * Targets of its scorer that are test items, by force (`betr index --force-tests`); absent where there are
   * none.
   */
  testTargets: testTargetsSchema.min(1).optional(),
  /** Of all scores, best bin first. */
  histogram: histogramSchema,
});

/** A published ranking; or one made from it, by the scores of some benchmarks (ranking/order/retarget.ts). */
export type Ranking = z.output<typeof rankingSchema> & { chosen?: ChosenScores };

export interface ChosenScores {
  /** The benchmarks that count, in the order of the scorer's outputs. */
  benchmarks: string[];
  /**
   * Parquet file with a row for each document, in the order of the parts: `score`, and `winner`, the number
   * of the benchmark that it is from.
   */
  path: string;
}

/**
 * Publishes the parts of a whole corpus as the run's ranking. Where they are what is published already,
 * nothing is written. Errors: NO_DOCUMENTS; DISK_FULL, WRITE_FAILED.
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
 * The ranking that the parts make. They may come one by one, as their histograms do not all fit in memory.
 * Errors: NO_DOCUMENTS, with `reasons`; TOKENS_TOO_MANY.
 */
export async function draftRanking(
  parts: Iterable<Part> | AsyncIterable<Part>,
  scorer: Ranking['scorer'],
  published: Ranking | undefined,
  reasons: readonly string[] = [],
): Promise<Ranking> {
  const listed: ListedPart[] = [];
  const figures = openSums();
  for await (const { sources, histogram, ...part } of parts) {
    listed.push(part);
    figures.add({ sources, histogram });
  }
  const total = (count: (part: ListedPart) => number): number =>
    listed.reduce((sum, part) => sum + count(part), 0);
  const { documents, tokens, sources, histogram } = figures.result();
  const quarantined = total((part) => part.quarantined);
  exactTokens(
    tokens,
    sources.reduce((most, one) => (one.tokens > most.tokens ? one : most), { source: '', tokens: -1 }),
  );
  if (documents === 0) throw fail('NO_DOCUMENTS', { files: shardsOf(listed).length, quarantined, reasons });
  const generation = nameGeneration(listed, scorer);
  return {
    generation,
    publishedAt: published?.generation === generation ? published.publishedAt : new Date().toISOString(),
    scorer,
    documents,
    tokens,
    estimatedDocuments: total((part) => part.estimatedDocuments),
    textBytes: total((part) => part.textBytes),
    quarantined,
    sources,
    parts: listed.sort(
      (a, b) => order(firstShard(a), firstShard(b)) || firstRow(a) - firstRow(b) || order(a.file, b.file),
    ),
    histogram,
  };
}

/** Makes a draft the run's ranking, unless it is. Errors: DISK_FULL, WRITE_FAILED. */
export async function commitRanking(
  run: Run,
  ranking: Ranking,
  published: Ranking | undefined,
): Promise<void> {
  if (published === undefined || fingerprint(published) !== fingerprint(ranking))
    await commitSealedJson(run.files.ranking, ranking);
}

/** The name of what parts and scorer come to: of shards without a document, too, and of their bad rows. */
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

/**
 * Reads the published ranking and checks that its parts are there. Errors: STEP_MISSING, FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function readRanking(run: Run): Promise<Ranking> {
  const ranking = await readPublishedStrictly(run);
  for (const { file, bytes } of ranking.parts) await checkPart(join(run.files.scores, file), bytes);
  return ranking;
}

/**
 * What is published, whether or not its parts are there. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE.
 */
export async function readPublishedStrictly(run: Run): Promise<Ranking> {
  const ranking = await readSealedJson(run.files.ranking, rankingSchema, rankCommand);
  if (ranking === undefined) throw fail('STEP_MISSING', { need: 'ranking', command: commandFor(run) });
  return ranking;
}

/**
 * Without a classifier ranking would only name the next step that is missing; the rankings by other scorers
 * need none.
 */
function commandFor(run: Run): string {
  return run.ranking === '' && !existsSync(run.files.card) ? 'betr run' : rankCommand;
}

async function checkPart(path: string, bytes: number): Promise<void> {
  const found = await sizeOf(path);
  if (found === undefined)
    throw fail('FILE_DAMAGED', { path, reason: 'it is missing', command: rankCommand });
  if (found !== bytes)
    throw fail('FILE_DAMAGED', {
      path,
      reason: `it has ${found} bytes where ${bytes} were written`,
      command: rankCommand,
    });
}

/** Holds a part's content against its checksum. Errors: FILE_DAMAGED, those of reading. */
export async function checkContent(path: string, sha256: string): Promise<void> {
  if ((await sha256File(path)) !== sha256)
    throw fail('FILE_DAMAGED', {
      path,
      reason: 'its checksum is another one; remove it',
      command: rankCommand,
    });
}

/** Changes whenever a part does: their sizes and when they were changed, which who writes cannot set back. */
export async function stampParts(run: Run, { parts }: Ranking): Promise<string> {
  const stamps = await Promise.all(
    parts.map(({ file }) =>
      stat(join(run.files.scores, file), { bigint: true }).then(
        ({ ino, ctimeNs, size }) => `${ino} ${ctimeNs} ${size}`,
        () => '',
      ),
    ),
  );
  return fingerprint(stamps);
}

/**
 * What is published, whether or not its parts are there; undefined where there is none or it is damaged, for
 * who is about to replace it.
 */
export async function readPublished(run: Run): Promise<Ranking | undefined> {
  try {
    return await readSealedJson(run.files.ranking, rankingSchema, rankCommand);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
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
