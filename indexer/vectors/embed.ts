// Embeds all examples and all sampled documents in file order, with few texts in memory at a time.

import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { formatCountOf, formatShare } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { withQuarantine } from '../../data/files/quarantine.ts';
import type { Run } from '../../run/run.ts';
import type { Example } from '../examples/benchmarks.ts';
import type { IndexCard } from '../index-card.ts';
import { openEmbedder } from '../../models/open.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { type Embedded, openVectors } from './vectors.ts';
import { type SampleFile, placesSchema, readSampleBlocks } from '../sample/sample-blocks.ts';

export interface Vectors {
  /** Document keys of the sample, in its order, without those that the embedder refused. */
  keys: string[];
  /** Unit vectors, row by row. */
  documents: Float32Array;
  examples: Float32Array;
  embedding: IndexCard['embedding'];
  /** Document keys that the embedder refused, with the reason. */
  refused: Map<string, string>;
}
/**
 * If the embedder refuses more than this share of the sample, and more than one document, it is probably the
 * wrong one.
 */
const refusedAtMost = 0.01;

/**
 * Embeds every text that has no vector yet. Documents that the embedder refuses go to
 * quarantine/index-embedding.jsonl. Errors: EXAMPLE_REFUSED, SAMPLE_REFUSED, those of `openEmbedder` and
 * `openVectors`.
 */
export async function embedAll(
  run: Run,
  examples: readonly Example[],
  sample: SampleFile,
  report: Report,
): Promise<Vectors> {
  const embedder = await openEmbedder(run.settings.embedding, run.settingsFolder, report);
  try {
    const { name, source, fingerprint, device, dimensions } = embedder;
    const store = await openVectors(embedder, run.files.vectors);
    const ofExamples = await store.embed(
      examples.map(({ text }) => text),
      report,
      'index: embed the examples',
      (text, reason) => {
        throw fail('EXAMPLE_REFUSED', {
          embedder: source,
          benchmark: examples[text]?.benchmark ?? '',
          example: examples[text]?.example ?? '',
          reason,
        });
      },
    );
    const sampled = sample.documents;
    const embedding = {
      model: name,
      source,
      fingerprint,
      device,
      dimensions,
      embedded: 0,
      reused: 0,
      seconds: 0,
      cut: { texts: 0, characters: 0, kept: 0 },
      refused: 0,
    };
    addCounts(embedding, ofExamples);
    const vectors: Vectors = {
      keys: [],
      documents: new Float32Array(sampled * dimensions),
      examples: ofExamples.vectors,
      embedding,
      refused: new Map(),
    };
    await readSampleBlocks(run, sample.path, async (keys, texts) => {
      const before = vectors.keys.length + vectors.refused.size;
      const shifted: Report = (progress) =>
        report({ ...progress, done: before + progress.done, total: sampled });
      const block = await store.embed(texts, shifted, 'index: embed the documents', (text, reason) => {
        vectors.refused.set(keys[text] ?? '', reason);
        if (vectors.refused.size > Math.max(1, refusedAtMost * sampled))
          throw fail('SAMPLE_REFUSED', {
            embedder: source,
            refused: vectors.refused.size,
            sampled,
            document: keys[text] ?? '',
            reason,
          });
      });
      for (const [row, key] of keys.entries()) {
        if (vectors.refused.has(key)) continue;
        vectors.documents.set(
          block.vectors.subarray(row * dimensions, (row + 1) * dimensions),
          vectors.keys.length * dimensions,
        );
        vectors.keys.push(key);
      }
      addCounts(embedding, block);
    });
    vectors.documents = vectors.documents.subarray(0, vectors.keys.length * dimensions);
    embedding.refused = vectors.refused.size;
    await writeRefused(run, sample.path, vectors.refused);
    return vectors;
  } finally {
    await embedder.close();
  }
}

function addCounts(embedding: IndexCard['embedding'], { embedded, reused, seconds, cuts }: Embedded): void {
  embedding.embedded += embedded;
  embedding.reused += reused;
  embedding.seconds += seconds;
  for (const { from, to } of cuts.values()) {
    embedding.cut.texts++;
    embedding.cut.characters += from;
    embedding.cut.kept += to;
  }
}

/** Warnings about the vectors: truncated texts and documents without a vector. */
export function describeEmbedding({
  keys,
  examples,
  embedding: { cut, dimensions },
  refused,
}: Vectors): string[] {
  const notes: string[] = [];
  if (cut.texts > 0) {
    const all = keys.length + examples.length / dimensions;
    const lost = formatShare((cut.characters - cut.kept) / cut.characters, 2);
    notes.push(
      `The embedder accepts shorter texts than embedding.maxTokens allows: ${cut.texts} of ` +
        `${all} were truncated and lost ${lost} of their characters. Raise its ` +
        "limit and remove the run's vectors/, or lower embedding.maxTokens.",
    );
  }
  const [first] = refused;
  if (first !== undefined)
    notes.push(
      `The embedder refused ${formatCountOf(refused.size, 'sampled document')}, ` +
        `which ${refused.size === 1 ? 'has' : 'have'} no score (quarantine/index-embedding.jsonl); ` +
        `the first is "${first[0]}": ${first[1]}`,
    );
  return notes;
}

/** Quarantines the refused documents; if there are none, removes the file that an earlier run left. */
async function writeRefused(run: Run, sample: string, refused: ReadonlyMap<string, string>): Promise<void> {
  await withQuarantine(run, 'index-embedding.jsonl', async (quarantine) => {
    if (refused.size === 0) return;
    await withSpillingDuckDb(run.files.spill, async (connection) => {
      const keys = [...refused.keys()].map((key) => sqlString(key)).join(', ');
      const rows = await connection.runAndReadAll(
        `SELECT document, shard, row FROM ${parquetSource(sample)} WHERE document IN (${keys})`,
      );
      for (const [key, shard, row] of placesSchema.parse(rows.getRows()))
        quarantine.add(shard, row, `the embedder refused it: ${refused.get(key) ?? ''}`, key);
    });
  });
}
