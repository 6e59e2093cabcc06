// The difficulty of a preference pair (Selective DPO, arXiv 2502.09650): the loss of reference models that did not
// train on it. Simple, slow code; difficulty-sql.ts has the same formulas for whole files.

/** The log probabilities of a pair's answers given its prompt, in nats, under a model and before its training. */
export interface PairLogProbabilities {
  chosen: number;
  referenceChosen: number;
  rejected: number;
  referenceRejected: number;
}

/** A pair is learned once its margin stays above this, as in the paper. */
export const learnedMargin = 0.4;

/** The margin of the implicit reward: how much more the model prefers the chosen answer since its training. */
export function marginOf(
  beta: number,
  { chosen, referenceChosen, rejected, referenceRejected }: PairLogProbabilities,
): number {
  return beta * (chosen - referenceChosen - (rejected - referenceRejected));
}

/** The loss of DPO at a margin: -ln sigmoid(margin), without overflow. */
export function lossOf(margin: number): number {
  return Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin)));
}

/** The margins of a pair under one model, at its checkpoints from first to last. */
export interface ModelMargins {
  /** The training step of each checkpoint; null where unknown. */
  steps: readonly (number | null)[];
  margins: readonly number[];
}

/** The checkpoints that count: each model's last one, as in the paper, or all, as in its code. */
export type Checkpoints = 'last' | 'mean';

export interface Difficulty {
  /** The mean loss over models. */
  difficulty: number;
  /** The standard deviation of the loss over models; null for one model. */
  spread: number | null;
  /** The mean margin over models. */
  margin: number;
  models: number;
  /** The median over models; null if steps are unknown or half of the models do not learn the pair. */
  learnedStep: number | null;
}

/** The difficulty of a pair; null without a model. Each model has at least one checkpoint. */
export function difficultyOf(models: readonly ModelMargins[], use: Checkpoints): Difficulty | null {
  if (models.length === 0) return null;
  const counted = models.map(({ margins }) => (use === 'last' ? margins.slice(-1) : margins));
  const losses = counted.map((margins) => meanOf(margins.map(lossOf)));
  return {
    difficulty: meanOf(losses),
    spread: spreadOf(losses),
    margin: meanOf(counted.map(meanOf)),
    models: models.length,
    learnedStep: medianStep(models.map(learnedStepOf)),
  };
}

/** The first step after which the margin stays above `learnedMargin`; Infinity for never, null if unknown. */
export function learnedStepOf({ steps, margins }: ModelMargins): number | null {
  if (steps.some((step) => step === null)) return null;
  const below = margins.findLastIndex((margin) => !(margin > learnedMargin));
  return below === margins.length - 1 ? Infinity : (steps[below + 1] ?? null);
}

function medianStep(steps: readonly (number | null)[]): number | null {
  const sorted = steps.filter((step) => step !== null).sort((a, b) => a - b);
  if (sorted.length < steps.length) return null;
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
  return Number.isFinite(median) ? median : null;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function spreadOf(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
