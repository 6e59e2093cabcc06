// A ranking: every document's score, published as one generation by atomically renaming one small file,
// `ranking.json`. Readers see either the old or the new generation, never a mixture.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { histogramSchema, type ListedPart, listedPartSchema, unknownSchema } from '../scoring/part.ts';
import { readSealedJson } from '../data/files/commit.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { fingerprint, rankCommandOf, type Run } from '../run/run.ts';
import { listRankings, nameRanking } from '../scoring/scorers/list.ts';
import { testTargetsSchema } from '../indexer/index-card.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { sizeOf } from '../data/files/files.ts';

export const rankingSchema = z.strictObject({
  /** A fingerprint: the same parts by the same scorer give the same name. */
  generation: z.string(),
  /** When this generation was first published, ISO 8601. */
  publishedAt: z.iso.datetime(),
  /**
   * The joint score's name first, then the benchmarks with their own score (column score_NAME). `details`:
   * further columns of the parts, if the scorer may leave documents without a score.
   */
  scorer: z.strictObject({
    outputs: z.array(z.string()),
    sha256: z.string(),
    details: z.array(z.string()).readonly().optional(),
  }),
  /** The documents with a score; tokens, sources and the histogram are of these, too. */
  documents: count,
  tokens: count,
  /** Documents whose token count is an estimate. */
  estimatedDocuments: count,
  /** The documents without a score; absent if there are none. */
  unknown: unknownSchema.optional(),
  /** Text of all documents. */
  textBytes: count,
  quarantined: count,
  sources: z.array(z.strictObject({ source: z.string(), documents: count, tokens: count })),
  /** Files inside scores/, ordered by their first shards and rows, and the shards' state when scored. */
  parts: z.array(listedPartSchema),
  /**
   * Targets of its scorer that are test items, allowed by `betr index --force-tests`; absent if there are
   * none.
   */
  testTargets: testTargetsSchema.min(1).optional(),
  /** Of the scores, best bin first. */
  histogram: histogramSchema,
});

/** A published ranking, or one retargeted to some benchmarks (ranking/order/retarget.ts). */
export type Ranking = z.output<typeof rankingSchema> & { chosen?: ChosenScores };

export interface ChosenScores {
  /** The chosen benchmarks, in the order of the scorer's outputs. */
  benchmarks: string[];
  /**
   * Parquet file with one row for each document, in the order of the parts: `score`, and `winner`, the number
   * of the benchmark the score is from.
   */
  path: string;
}

/**
 * Reads the published ranking and checks that its parts are there. Errors: STEP_MISSING, FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function readRanking(run: Run): Promise<Ranking> {
  const ranking = await readPublishedStrictly(run);
  for (const { file, bytes } of ranking.parts) await checkPart(run, file, bytes);
  return ranking;
}

/**
 * The published ranking, whether or not its parts exist. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE.
 */
export async function readPublishedStrictly(run: Run): Promise<Ranking> {
  const ranking = await readSealedJson(run.files.ranking, rankingSchema, rankCommandOf(run));
  if (ranking === undefined) throw await missingRanking(run);
  return ranking;
}

/** STEP_MISSING for the ranking, which names the other scorers that have one; CORPUS_MISSING if none can be made. */
export async function missingRanking(run: Run): Promise<BetrError> {
  if (run.settings.corpus.files.length === 0) return fail('CORPUS_MISSING', { path: run.settingsPath });
  const others = run.ranking === '' ? (await listRankings(run)).published : [];
  return fail('STEP_MISSING', {
    need: nameRanking(run),
    command: commandFor(run),
    ...(others.length === 0
      ? {}
      : { hint: `There are rankings by other scorers: --scorer ${others.join(', --scorer ')}` }),
  });
}

/** Without a classifier `betr rank` would only name the next missing step; other scorers need none. */
function commandFor(run: Run): string {
  return run.ranking === '' && !existsSync(run.files.card) ? 'betr run' : rankCommandOf(run);
}

async function checkPart(run: Run, file: string, bytes: number): Promise<void> {
  const path = join(run.files.scores, file);
  const command = rankCommandOf(run);
  const found = await sizeOf(path);
  if (found === undefined) throw fail('FILE_DAMAGED', { path, reason: 'it is missing', command });
  if (found !== bytes)
    throw fail('FILE_DAMAGED', {
      path,
      reason: `it has ${found} bytes instead of ${bytes}`,
      command,
    });
}

/** Compares a part's content with its checksum. Errors: FILE_DAMAGED, those of reading. */
export async function checkContent(
  run: Run,
  { file, sha256 }: Pick<ListedPart, 'file' | 'sha256'>,
): Promise<void> {
  const path = join(run.files.scores, file);
  if ((await sha256File(path)) !== sha256)
    throw fail('FILE_DAMAGED', {
      path,
      reason: 'its checksum does not match; remove it',
      command: rankCommandOf(run),
    });
}

/** Changes whenever a part does: a hash of sizes, inodes and change times, which no writer can set back. */
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
 * The published ranking, whether or not its parts exist; undefined if there is none or it is damaged, for
 * callers about to replace it.
 */
export async function readPublished(run: Run): Promise<Ranking | undefined> {
  try {
    return await readSealedJson(run.files.ranking, rankingSchema, rankCommandOf(run));
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}
