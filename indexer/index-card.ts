// What `betr index` did, as `index.json` holds it: counts, the model, the search, warnings, and the
// fingerprints that tell whether anything changed.

import { z } from 'zod';
import { readSealedJson } from '../data/files/commit.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { noneUnusable, unusableShardsSchema } from '../data/files/unusable.ts';
import { exampleReportSchema } from './examples/report.ts';

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const corpusCountsSchema = z.object({
  shards: count,
  /** Usable documents, all of the corpus, and the UTF-8 bytes of their texts. */
  documents: count,
  textBytes: count,
  /** Documents that bring their own token count, and the sum of those counts. */
  countedDocuments: count,
  countedTokens: count,
  quarantined: count,
  /** Shards without a usable document. */
  withoutDocuments: unusableShardsSchema.default(noneUnusable),
  /** By source, largest first; sources beyond the first 10,000 met are counted together as "(other)". */
  sources: z.array(z.object({ source: z.string(), documents: count, textBytes: count })),
});
export type CorpusCounts = z.output<typeof corpusCountsSchema>;

export const sampleCountsSchema = z.object({
  documents: count,
  textBytes: count,
  /**
   * Rows dropped because an earlier one has the same document key, and documents dropped because one with a
   * smaller hash has the same text.
   */
  duplicateKeys: count,
  duplicateTexts: count,
  sources: z.array(z.object({ source: z.string(), documents: count })),
});
export type SampleCounts = z.output<typeof sampleCountsSchema>;

export const exampleCountsSchema = z.array(
  z.object({
    benchmark: z.string(),
    /** Examples taken, found in the files, dropped as exact duplicates, and rows that could not be used. */
    examples: count,
    found: count,
    duplicates: count,
    quarantined: count,
    ...exampleReportSchema.shape,
  }),
);
export type ExampleCounts = z.output<typeof exampleCountsSchema>;

/**
 * Examples aimed at that are test items of the settings' tests, by force, by benchmark: how many, and the
 * first.
 */
export const testTargetsSchema = z.array(
  z.strictObject({ benchmark: z.string(), examples: count, first: z.string() }),
);
export type TestTargets = z.output<typeof testTargetsSchema>;

export const indexCardSchema = z.object({
  version: z.literal(1),
  /** Fingerprints of everything the results depend on: files and settings. */
  inputs: z.object({
    sample: sha256,
    examples: sha256,
    embedding: sha256,
    search: sha256,
    tests: z.string().default(''),
  }),
  corpus: corpusCountsSchema,
  sample: sampleCountsSchema,
  examples: exampleCountsSchema,
  testTargets: testTargetsSchema.default([]),
  embedding: z.object({
    model: z.string(),
    /** Where the model's bytes came from. */
    source: z.string(),
    fingerprint: z.string(),
    device: z.string(),
    dimensions: count,
    /** Texts embedded now, and those whose vectors were there already. */
    embedded: count,
    reused: count,
    seconds: z.number(),
    /**
     * Examples and documents that the embedder took only a part of: their characters (UTF-16 code units,
     * within embedding.maxTokens), and those in their vectors.
     */
    cut: z
      .object({ texts: count, characters: count, kept: count })
      .prefault({ texts: 0, characters: 0, kept: 0 }),
    /** Sampled documents that the embedder refused; they are in no list and have no score. */
    refused: count.default(0),
  }),
  search: z.object({
    method: z.enum(['exact', 'hnsw']),
    why: z.string(),
    /** Whether ranks may miss documents, because the lists come from HNSW. */
    approximate: z.boolean(),
    /** Length of each example's list (K). */
    nearest: count,
    /** Of the HNSW index against the exact search, on some examples. */
    hnsw: z.object({ recall: z.number(), nearest: count, examples: count, expansion: count }),
    seconds: z.number(),
  }),
  ranks: z.object({
    /** Sampled documents for each example (n/M). */
    documentsPerExample: z.number(),
    /** Sampled documents that are in some example's list. */
    listed: count,
    /**
     * Which benchmark's example gives the best rank, among the top 10 % of the sample and among all listed
     * documents.
     */
    winners: z.array(z.object({ benchmark: z.string(), top: count, all: count })),
  }),
  warnings: z.array(z.string()),
  /** SHA-256 of each file written, by the name of its key in the run's files. */
  outputs: z.object({ examples: sha256, sample: sha256, tokens: sha256, index: sha256, targets: sha256 }),
});

export type IndexCard = z.output<typeof indexCardSchema>;

/**
 * Targets of the run that are test items by force, as its index says; none where there is no index (that can
 * be read).
 */
export async function readTestTargets(run: Run): Promise<TestTargets> {
  return readIndexCard(run).then(
    ({ testTargets }) => testTargets,
    () => [],
  );
}

/** Reads the run's index card. Errors: STEP_MISSING, FILE_UNREADABLE, FILE_DAMAGED. */
export async function readIndexCard(run: Run): Promise<IndexCard> {
  const card = await readSealedJson(run.files.indexCard, indexCardSchema, 'betr index');
  if (card === undefined) throw fail('STEP_MISSING', { need: 'index', command: 'betr index' });
  return card;
}

/**
 * With more benchmarks than this, only the joint score is written and learned, and none for each benchmark.
 */
export const mostSingleBenchmarks = 16;
