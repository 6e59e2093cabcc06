// Vectors of all examples and all sampled documents, in their files' order, the texts of few documents at a time in memory.

import { z } from 'zod';
import { parquetSource, streamChunks } from '../data/duckdb.ts';
import type { Report } from '../data/progress.ts';
import type { Run } from '../data/run.ts';
import type { Example } from './benchmarks.ts';
import type { IndexCard } from './card.ts';
import { openEmbedder } from './embed.ts';
import { withSpillingDuckDb } from './parquet.ts';
import { openVectors } from './vectors.ts';

export interface Vectors {
  /** Document keys of the sample, in its order. */
  keys: string[];
  /** Unit vectors, row by row. */
  documents: Float32Array;
  examples: Float32Array;
  embedding: IndexCard['embedding'];
}

/** Texts are sorted by length within a block; a larger one would gain nothing there and hold more text. */
const blockDocuments = 20_000;

/** Embeds what has no vector yet. `sampled` is the number of documents in `sample.parquet`. Errors: those of `openEmbedder` and `openVectors`. */
export async function embedAll(run: Run, examples: readonly Example[], sampled: number, report: Report): Promise<Vectors> {
  const embedder = await openEmbedder(run.settings.embedding, run.settingsFolder, report);
  try {
    const { name, source, fingerprint, device, dimensions } = embedder;
    const store = await openVectors(embedder, run.files.vectors);
    const ofExamples = await store.embed(examples.map(({ text }) => text), report, 'index: embed the examples');
    const embedding = { model: name, source, fingerprint, device, dimensions, embedded: ofExamples.embedded, reused: ofExamples.reused, seconds: ofExamples.seconds };
    const vectors: Vectors = { keys: [], documents: new Float32Array(sampled * dimensions), examples: ofExamples.vectors, embedding };
    await readSampleBlocks(run, async (keys, texts) => {
      const before = vectors.keys.length;
      const shifted: Report = (progress) => report({ ...progress, done: before + progress.done, total: sampled });
      const block = await store.embed(texts, shifted, 'index: embed the documents');
      vectors.documents.set(block.vectors, before * dimensions);
      for (const key of keys) vectors.keys.push(key);
      embedding.embedded += block.embedded;
      embedding.reused += block.reused;
      embedding.seconds += block.seconds;
    });
    return vectors;
  } finally {
    await embedder.close();
  }
}

const rowsSchema = z.array(z.tuple([z.string(), z.string()]));

/** Hands the sample to `use` in blocks of document keys and texts, in its order. */
export async function readSampleBlocks(run: Run, use: (keys: string[], texts: string[]) => Promise<void>): Promise<void> {
  await withSpillingDuckDb(run.folder, async (connection) => {
    let keys: string[] = [];
    let texts: string[] = [];
    for await (const chunk of streamChunks(connection, `SELECT document, text FROM ${parquetSource(run.files.sample)}`)) {
      for (const [key, text] of rowsSchema.parse(chunk.getRows())) {
        keys.push(key);
        texts.push(text);
      }
      if (keys.length < blockDocuments) continue;
      await use(keys, texts);
      keys = [];
      texts = [];
    }
    if (keys.length > 0) await use(keys, texts);
  });
}
