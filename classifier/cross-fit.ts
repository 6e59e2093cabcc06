// Cross-fitting (docs/method.md): one model for each fold, trained on the other folds. The figures of the card and
// the rankings `cross-fit:NAME` come from these models, so no document is measured by a model that learned from it.

import type { Report } from '../run/progress.ts';
import { type Bags, openBagScorer, pruneBags } from './bag.ts';
import { foldCount, foldOf, splitFolds } from './folds.ts';
import type { Split } from './held-out.ts';
import { type Learning, learnWeights } from './learn.ts';
import type { Output, Weights } from './weights.ts';

export interface CrossFitting extends Omit<Learning, 'split'> {
  /** Document keys, sorted. */
  keys: readonly string[];
  minCount: number;
}

export interface CrossFitted {
  /** The model of each fold; their scores are comparable with each other. */
  models: Weights[];
  epochsRun: number[];
  /** Scores a document by the model of its fold into `out`, one score for each output. */
  score: (document: number, out: Float64Array) => void;
}

/** Trains the model of each fold. Promises: the same input gives the same bits. */
export function crossFit({ keys, bags, minCount, ...learning }: CrossFitting, report: Report): CrossFitted {
  const { bits, seed } = learning;
  const folds = Uint8Array.from(keys, (_, document) =>
    foldOf(bags.ngrams[document] ?? 0, bags.sums[document] ?? 0, seed),
  );
  const splits = splitFolds(folds, keys, seed);
  const learned = splits.map((split, fold) =>
    learnWeights(
      { ...learning, split, bags: pruneBags(bags, split.training, bits, minCount).bags },
      (progress) => report({ ...progress, stage: `train: cross-fit, fold ${fold + 1} of ${foldCount}` }),
    ),
  );
  const models = alignScores(
    learned.map(({ weights }) => weights),
    splits,
    bags,
  );
  const scorers = models.map((model) => openBagScorer(model, bags));
  return {
    models,
    epochsRun: learned.map(({ epochsRun }) => epochsRun),
    score: (document, out) => scorers[folds[document] ?? 0]?.(document, out),
  };
}

interface Moments {
  mean: number;
  deviation: number;
}

/**
 * Gives the scores of all models the same mean and standard deviation on documents that the model neither trained
 * on nor will score: those that stopped its training. Labels have no part in it.
 */
function alignScores(models: readonly Weights[], splits: readonly Split[], bags: Bags): Weights[] {
  const moments = models.map((model, fold) =>
    momentsOf(model, bags, splits[fold]?.heldOut ?? new Uint32Array()),
  );
  return models.map((model, fold) => ({
    ...model,
    outputs: model.outputs.map(({ name, bias, scale }, output): Output => {
      const own = moments[fold]?.[output] ?? { mean: 0, deviation: 0 };
      const common = (of: keyof Moments): number =>
        moments.reduce((sum, each) => sum + (each[output]?.[of] ?? 0), 0) / moments.length;
      const factor = own.deviation > 0 ? common('deviation') / own.deviation : 0;
      return { name, bias: common('mean') + factor * (bias - own.mean), scale: factor * scale };
    }),
  }));
}

/** The moments of each output's scores. */
function momentsOf(model: Weights, bags: Bags, documents: Uint32Array): Moments[] {
  const score = openBagScorer(model, bags);
  const outputs = model.outputs.length;
  const out = new Float64Array(outputs);
  const scores = model.outputs.map(() => new Float64Array(documents.length));
  for (const [at, document] of documents.entries()) {
    score(document, out);
    for (let o = 0; o < outputs; o++) (scores[o] ?? out)[at] = out[o] ?? 0;
  }
  return scores.map((own) => {
    const count = Math.max(1, own.length);
    const mean = own.reduce((sum, each) => sum + each, 0) / count;
    return {
      mean,
      deviation: Math.sqrt(own.reduce((sum, each) => sum + (each - mean) ** 2, 0) / count),
    };
  });
}
