// `index.json`, the record of `betr index`: counts, the model, the search, warnings, and the fingerprints
// that show whether anything changed.

import { z } from 'zod';
import { count, sha256 } from '../run/schemas.ts';
import { readSealedJson } from '../data/files/commit.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { noneUnusable, unusableShardsSchema } from '../data/files/unusable.ts';
import { exampleReportSchema } from './examples/report.ts';

export const corpusCountsSchema = z.object({
  shards: count,
  /** Usable documents in the whole corpus, and the UTF-8 bytes of their texts. */
  documents: count,
  textBytes: count,
  /** Documents with their own token count, and the sum of those counts. */
  countedDocuments: count,
  countedTokens: count,
  quarantined: count,
  /** Shards without a usable document. */
  withoutDocuments: unusableShardsSchema.default(noneUnusable),
  /** By source, largest first; sources after the first 10,000 are counted together as "(other)". */
  sources: z.array(z.object({ source: z.string(), documents: count, textBytes: count })),
});
export type CorpusCounts = z.output<typeof corpusCountsSchema>;

export const sampleCountsSchema = z.object({
  documents: count,
  textBytes: count,
  /**
   * Rows dropped because an earlier row has the same document key, and documents dropped because one with a
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
    /**
     * Examples chosen, found in the files, and dropped as exact duplicates; and rows that could not be used.
     */
    examples: count,
    found: count,
    duplicates: count,
    quarantined: count,
    ...exampleReportSchema.shape,
  }),
);
export type ExampleCounts = z.output<typeof exampleCountsSchema>;

/**
 * Targeted examples that are test items (allowed by force), by benchmark: their number and the first one.
 */
export const testTargetsSchema = z.array(
  z.strictObject({ benchmark: z.string(), examples: count, first: z.string() }),
);
export type TestTargets = z.output<typeof testTargetsSchema>;

export const indexCardSchema = z.object({
  version: z.literal(1),
  /** Fingerprints of everything that the results depend on: files and settings. */
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
    /** Origin of the model's bytes. */
    source: z.string(),
    fingerprint: z.string(),
    device: z.string(),
    dimensions: count,
    /** Texts embedded now, and texts whose vectors existed already. */
    embedded: count,
    reused: count,
    seconds: z.number(),
    /**
     * Examples and documents that the embedder truncated: their characters (UTF-16 code units within
     * embedding.maxTokens), and the characters in their vectors.
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
    /** Whether ranks may miss documents because the lists come from HNSW. */
    approximate: z.boolean(),
    /** Length of each example's list (K). */
    nearest: count,
    /** Recall of the HNSW index compared with the exact search, on some examples. */
    hnsw: z.object({ recall: z.number(), nearest: count, examples: count, expansion: count }),
    seconds: z.number(),
  }),
  ranks: z.object({
    /** Sampled documents per example (n/M). */
    documentsPerExample: z.number(),
    /** Sampled documents in at least one example's list. */
    listed: count,
    /**
     * Benchmarks whose example gives the best rank, among the top 10% of the sample and among all listed
     * documents.
     */
    winners: z.array(z.object({ benchmark: z.string(), top: count, all: count })),
  }),
  warnings: z.array(z.string()),
  /** SHA-256 of each output, by its key in the run's files. */
  outputs: z.object({ examples: sha256, sample: sha256, tokens: sha256, index: sha256, targets: sha256 }),
});

export type IndexCard = z.output<typeof indexCardSchema>;

/** The run's targets that are test items, from its index card; empty if there is no readable index. */
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

/** With more benchmarks than this, only the joint score is written and learned, not one per benchmark. */
export const mostSingleBenchmarks = 16;
