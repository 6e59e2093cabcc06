// Scores every text by the model of its fold, which did not learn from that text.

import { fingerprint } from '../run/run.ts';
import { openFolds } from './folds.ts';
import { loadScorer, type Scorer } from './scorer.ts';

/** The fingerprint of the models with these hashes, by fold. */
export function fingerprintFolds(weightsSha256: readonly string[], seed: number): string {
  return fingerprint({ crossFit: 1, weights: weightsSha256, seed });
}

/**
 * Loads the models of the folds; `bits` and `seed` are those of the classifier's settings. Errors: STEP_MISSING,
 * FILE_UNREADABLE, FILE_DAMAGED.
 */
export async function loadFoldScorer(
  weightsPaths: readonly string[],
  { bits, seed }: { bits: number; seed: number },
): Promise<Scorer> {
  const models: Scorer[] = [];
  for (const path of weightsPaths) models.push(await loadScorer(path));
  const outputs = models[0]?.outputs ?? [];
  const foldOfText = openFolds(bits, seed);
  return {
    fingerprint: fingerprintFolds(
      models.map((model) => model.fingerprint),
      seed,
    ),
    outputs,
    scoreTexts(text, textEnds, count, out) {
      let start = 0;
      for (let i = 0; i < count; i++) {
        const end = textEnds[i] ?? start;
        models[foldOfText(text, start, end)]?.scoreTexts(
          text.subarray(start, end),
          Uint32Array.of(end - start),
          1,
          out.subarray(i * outputs.length, (i + 1) * outputs.length),
        );
        start = end;
      }
    },
  };
}
