// A ranking: every document's score, published as one generation by renaming one small file, `ranking.json`.
// Who reads it sees either the generation before or the one after, never a mixture.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type ListedPart, listedPartSchema, type Part } from '../classifier/part.ts';
import { commitSealedJson, readSealedJson } from '../data/commit.ts';
import { BetrError, fail, systemCode } from '../data/errors.ts';
import { fingerprint, type Run } from '../data/run.ts';

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
  /** Files inside scores/, in the order of their shards and rows, and the shards as they were when scored. */
  parts: z.array(listedPartSchema),
  /** [bin, documents, tokens] of every score bin that is not empty, best first (classifier/part.ts says what a bin is). */
  histogram: z.array(z.tuple([whole, whole, whole])),
});

export type Ranking = z.output<typeof rankingSchema>;

/**
 * Publishes the parts of a whole corpus as the run's ranking. Where they are what is published already, nothing is written. The parts may come one by one, as
 * their histograms do not all fit in memory.
 * Errors: NO_DOCUMENTS; DISK_FULL, WRITE_FAILED.
 */
export async function publishRanking(run: Run, source: Iterable<Part> | AsyncIterable<Part>, scorer: Ranking['scorer']): Promise<Ranking> {
  const parts: ListedPart[] = [];
  const sources: Sums<string> = new Map();
  const histogram: Sums<number> = new Map();
  for await (const { sources: ofPart, histogram: bins, ...listed } of source) {
    parts.push(listed);
    for (const { source: name, documents, tokens } of ofPart) addTo(sources, name, documents, tokens);
    for (const [bin, documents, tokens] of bins) addTo(histogram, bin, documents, tokens);
  }
  const total = (count: (part: ListedPart) => number): number => parts.reduce((sum, part) => sum + count(part), 0);
  const documents = total((part) => part.documents);
  const quarantined = total((part) => part.quarantined);
  if (documents === 0) throw fail('NO_DOCUMENTS', { files: new Set(parts.map(({ shard }) => shard)).size, quarantined });
  const generation = fingerprint({ parts: parts.map(({ sha256 }) => sha256).sort(), scorer }).slice(0, 12);
  const published = await readPublished(run);
  const ranking: Ranking = {
    generation,
    publishedAt: published?.generation === generation ? published.publishedAt : new Date().toISOString(),
    scorer,
    documents,
    tokens: total((part) => part.tokens),
    estimatedDocuments: total((part) => part.estimatedDocuments),
    textBytes: total((part) => part.textBytes),
    quarantined,
    sources: [...sources].map(([name, [ofDocuments, ofTokens]]) => ({ source: name, documents: ofDocuments, tokens: ofTokens })).sort((a, b) => order(a.source, b.source)),
    parts: parts.sort((a, b) => order(a.shard, b.shard) || a.firstRow - b.firstRow || order(a.file, b.file)),
    histogram: [...histogram].sort(([a], [b]) => b - a).map(([bin, [ofDocuments, ofTokens]]) => [bin, ofDocuments, ofTokens]),
  };
  if (published === undefined || fingerprint(published) !== fingerprint(ranking)) await commitSealedJson(run.files.ranking, ranking);
  return ranking;
}

/** Reads the published ranking and checks that its parts are there. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE. */
export async function readRanking(run: Run): Promise<Ranking> {
  const ranking = await readSealedJson(run.files.ranking, rankingSchema, rankCommand);
  if (ranking === undefined) throw fail('STEP_MISSING', { need: 'ranking', command: rankCommand });
  for (const { file, bytes } of ranking.parts) await checkPart(join(run.files.scores, file), bytes);
  return ranking;
}

async function checkPart(path: string, bytes: number): Promise<void> {
  try {
    const found = (await stat(path)).size;
    if (found !== bytes) throw fail('FILE_DAMAGED', { path, reason: `it has ${found} bytes where ${bytes} were written`, command: rankCommand });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw fail('FILE_DAMAGED', { path, reason: 'it is missing', command: rankCommand }, error);
    throw error;
  }
}

/** What is published, whether or not its parts are there; undefined where there is none or it is damaged, for who is about to replace it. */
export async function readPublished(run: Run): Promise<Ranking | undefined> {
  try {
    return await readSealedJson(run.files.ranking, rankingSchema, rankCommand);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}

type Sums<Key> = Map<Key, [documents: number, tokens: number]>;

function addTo<Key>(sums: Sums<Key>, key: Key, documents: number, tokens: number): void {
  const sum = sums.get(key) ?? [0, 0];
  sums.set(key, [sum[0] + documents, sum[1] + tokens]);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
