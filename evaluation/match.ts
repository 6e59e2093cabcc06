// How well each selection's language model predicts the held-out texts: bits per byte by benchmark and by
// source, compared with the random selection.

import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { intervalSchema } from '../data/statistics.ts';
import type { Report } from '../run/progress.ts';
import { type Bits, measureBits, measureGain } from './bits.ts';
import type { TestExamples } from './tests.ts';
import type { ContestTexts } from './draw-texts.ts';
import { type EncodedText, trainWordModel, type Vocabulary, type WordModel } from './word-model.ts';

export const estimateSchema = intervalSchema.extend({ n: z.number() });
/**
 * Bits per byte (lower is better), and how many fewer than with the random selection (above 0 is better).
 */
export const matchSchema = z.strictObject({ bitsPerByte: estimateSchema, gain: estimateSchema });
export type Match = z.output<typeof matchSchema>;

/** For one model, by benchmark and by source. */
export interface ModelBits {
  tests: Map<string, Bits>;
  heldOut: Map<string, Bits>;
}

/** Trains a model on each selection's words in turn and measures the bits of all held-out texts. */
export async function measureModels(
  { training, heldOut }: ContestTexts,
  tests: readonly TestExamples[],
  vocabulary: Vocabulary,
  report: Report,
): Promise<ModelBits[]> {
  const encodedTests = new Map(
    tests.map(({ benchmark, texts }) => [benchmark, texts.map((text) => vocabulary.encode(text))]),
  );
  const measured: ModelBits[] = [];
  for (const texts of training) {
    report({
      stage: 'evaluate: train language models',
      done: measured.length,
      total: training.length,
      unit: 'outputs',
    });
    await setImmediate();
    const model = trainWordModel(texts, vocabulary);
    measured.push({ tests: countAll(model, encodedTests), heldOut: countAll(model, heldOut) });
  }
  return measured;
}

function countAll(model: WordModel, groups: ReadonlyMap<string, readonly EncodedText[]>): Map<string, Bits> {
  return new Map(
    [...groups].map(([name, texts]) => [
      name,
      {
        bits: Float64Array.from(texts, (text) => model.countBits(text)),
        bytes: Float64Array.from(texts, ({ bytes }) => bytes),
      },
    ]),
  );
}

/** One model's named groups compared with another's, and their mean. */
export function matchGroups(
  model: ReadonlyMap<string, Bits>,
  random: ReadonlyMap<string, Bits>,
  names: readonly string[],
  seed: number,
): { mean: Match; groups: ({ name: string } & Match)[] } {
  const pick = (groups: ReadonlyMap<string, Bits>): Bits[] =>
    names.map((name) => groups.get(name) ?? { bits: new Float64Array(0), bytes: new Float64Array(0) });
  const bits = measureBits(pick(model), seed);
  const gain = measureGain(pick(model), pick(random), seed);
  return {
    mean: { bitsPerByte: bits.mean, gain: gain.mean },
    groups: names.map((name, index) => ({
      name,
      bitsPerByte: bits.groups[index] ?? bits.mean,
      gain: gain.groups[index] ?? gain.mean,
    })),
  };
}
