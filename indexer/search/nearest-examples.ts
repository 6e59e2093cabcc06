// The benchmark examples nearest to a text. They show the meaning behind a score, which the classifier's
// n-grams do not.

import { z } from 'zod';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { type Example, loadExamples } from '../examples/benchmarks.ts';
import { readIndexCard } from '../index-card.ts';
import { openEmbedder } from '../../models/open.ts';
import { findVectors } from '../vectors/vectors.ts';

export const nearExampleSchema = z.strictObject({
  benchmark: z.string(),
  example: z.string(),
  text: z.string(),
  cosine: z.number(),
});
export type NearExample = z.output<typeof nearExampleSchema>;

export interface ExampleSearch {
  /**
   * Nearest first; of equal cosines, the earlier example. Texts are truncated at the embedder's limit, as in
   * the index.
   */
  nearest(text: string, count: number): Promise<NearExample[]>;
  close(): Promise<void>;
}

/**
 * Opens the run's embedder and the vectors of its examples. Errors: STEP_MISSING, FILE_DAMAGED, those of
 * `openEmbedder`.
 */
export async function openExampleSearch(run: Run): Promise<ExampleSearch> {
  const card = await readIndexCard(run);
  const examples = await loadExamples(run);
  const embedder = await openEmbedder(run.settings.embedding, run.settingsFolder, silent);
  try {
    const { dimensions, fingerprint } = embedder;
    if (fingerprint !== card.embedding.fingerprint)
      throw fail('STEP_MISSING', {
        need: 'index by the embedder in the current settings',
        command: 'betr index',
      });
    const vectors = await readVectors(run, embedder, examples);
    return {
      async nearest(text, count) {
        const query = await embedder.embed([text]);
        const cosines = Float64Array.from(examples, (_example, i) =>
          cosineAt(vectors, i * dimensions, query),
        );
        const order = [...examples.keys()].sort((a, b) => (cosines[b] ?? 0) - (cosines[a] ?? 0) || a - b);
        return order.slice(0, count).flatMap((i) => {
          const example = examples[i];
          return example === undefined ? [] : [{ ...example, cosine: cosines[i] ?? 0 }];
        });
      },
      close: () => embedder.close(),
    };
  } catch (error) {
    await embedder.close();
    throw error;
  }
}

async function readVectors(
  run: Run,
  embedder: { fingerprint: string; dimensions: number },
  examples: readonly Example[],
): Promise<Float32Array> {
  let vectors: Float32Array | undefined;
  try {
    vectors = await findVectors(
      embedder,
      run.files.vectors,
      examples.map(({ text }) => text),
    );
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw fail(
      'FILE_DAMAGED',
      { path: run.files.vectors, reason: reasonOf(error), command: 'betr index' },
      error,
    );
  }
  if (vectors === undefined)
    throw fail('STEP_MISSING', { need: 'vector for every benchmark example', command: 'betr index' });
  return vectors;
}

/** Both are unit vectors. */
function cosineAt(vectors: Float32Array, start: number, query: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < query.length; d++) sum += (vectors[start + d] ?? 0) * (query[d] ?? 0);
  return sum;
}
