// Cross-fitting (docs/method.md): one model for each fold, trained on the other folds. The figures of the card and
// the rankings `cross-fit:NAME` come from these models, so no document is measured by a model that learned from it.

import type { Report } from '../run/progress.ts';
import { type Bags, pruneBags, scoreBag } from './bag.ts';
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
  /** The score of a document by the model of its fold. */
  scoreOf: (output: number, document: number) => number;
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
  return {
    models,
    epochsRun: learned.map(({ epochsRun }) => epochsRun),
    scoreOf(output, document) {
      const model = models[folds[document] ?? 0];
      return model === undefined ? 0 : scoreBag(model, output, bags, document);
    },
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
    model.outputs.map((_, output) =>
      momentsOf(model, output, bags, splits[fold]?.heldOut ?? new Uint32Array()),
    ),
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

function momentsOf(model: Weights, output: number, bags: Bags, documents: Uint32Array): Moments {
  const scores = Float64Array.from(documents, (document) => scoreBag(model, output, bags, document));
  const count = Math.max(1, scores.length);
  const mean = scores.reduce((sum, score) => sum + score, 0) / count;
  return {
    mean,
    deviation: Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / count),
  };
}
