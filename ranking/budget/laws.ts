// How much to keep: the keep-rate laws of "Language Models Improve When Pretraining Data Matches Target
// Tasks" (arXiv 2507.12466), the lower bound that a finite pool sets, and what repeated tokens are worth.
// Rates are fractions of a pool's tokens.

/**
 * How much to keep: F = coefficient · x^exponent, with F in percent and x the training FLOPs or, for a fixed
 * model, the training tokens.
 */
export interface Law {
  name: string;
  regime: 'compute-optimal' | 'fixed-model';
  formula: string;
  coefficient: number;
  exponent: number;
  /** Budgets it was fitted on, and the one beyond which it is extrapolated, in FLOPs. */
  fittedFlops: { from: number; to: number; extrapolatedBeyond: number };
  /** The lowest rate that was tried, as a fraction. */
  lowestTestedRate: number;
  /** Parameters of the model, if it is fixed. */
  params?: number;
  /** Fitted on the user's own runs instead of the paper's. */
  calibrated?: true;
}

const paper = { fittedFlops: { from: 6e18, to: 6e21, extrapolatedBeyond: 1e22 }, lowestTestedRate: 0.03 };

export const lawNames = ['nemotron-cc', 'dclm-refinedweb', 'nemotron-cc-6.6b'] as const;
export type LawName = (typeof lawNames)[number];

/** The paper's laws, with F in percent as it prints them. */
export const laws: Record<LawName, Law> = {
  'nemotron-cc': {
    name: 'nemotron-cc',
    regime: 'compute-optimal',
    formula: 'F = 4e-5 · C^0.25 (F in %, C in FLOPs)',
    coefficient: 4e-5,
    exponent: 0.25,
    ...paper,
  },
  'dclm-refinedweb': {
    name: 'dclm-refinedweb',
    regime: 'compute-optimal',
    formula: 'F = 6e-3 · C^0.14 (F in %, C in FLOPs)',
    coefficient: 6e-3,
    exponent: 0.14,
    ...paper,
  },
  /** A 6.6 B model trained on any number of tokens, instead of a compute-optimal one. */
  'nemotron-cc-6.6b': {
    name: 'nemotron-cc-6.6b',
    regime: 'fixed-model',
    formula: 'F = 0.26 · D^0.13 (F in %, D in tokens)',
    coefficient: 0.26,
    exponent: 0.13,
    params: 6.6e9,
    ...paper,
  },
};

/**
 * [ours] A model is near compute-optimal between these tokens per parameter: half of the paper's 10 and twice
 * Chinchilla's 20.
 */
export const optimalTokensPerParam = { from: 5, to: 40 } as const;
/**
 * [ours] A pool under this many tokens is far below the laws' range: not even the smallest run of the fit
 * (6e18 FLOPs, 3.3e9 tokens) could have seen every token of its best 3% only once.
 */
export const smallestPoolTokens = 1e11;

/**
 * [ours] Half a step of the paper's grid of rates (3, 10, 30, 100%) to either side; the paper reports a loss
 * of 0.3–1.2 points at the next rate.
 */
const bandFactor = Math.sqrt(10 / 3);

export interface Model {
  /** FLOPs of training, C = 6·N·D; N parameters, D tokens, D/N. */
  flops: number;
  params: number;
  tokens: number;
  tokensPerParam: number;
}

/**
 * The model of a budget: one or two of FLOPs, parameters and tokens; with one, `tokensPerParam` sets the
 * others.
 */
export function planModel(
  given: { flops?: number; params?: number; tokens?: number },
  tokensPerParam: number,
): Model {
  const { flops, params, tokens } = given;
  if (params !== undefined && tokens !== undefined) return model(params, tokens);
  if (params !== undefined)
    return model(params, flops === undefined ? params * tokensPerParam : flops / (6 * params), flops);
  if (tokens !== undefined)
    return model(flops === undefined ? tokens / tokensPerParam : flops / (6 * tokens), tokens, flops);
  const optimal = Math.sqrt((flops ?? 0) / (6 * tokensPerParam));
  return model(optimal, optimal * tokensPerParam, flops);
}

/**
 * The model for a law: a law for a fixed model implies that model, trained for as long as the budget lasts,
 * unless the question names another.
 */
export function planModelFor(
  { params }: Pick<Law, 'params'>,
  given: { flops?: number; params?: number; tokens?: number },
  tokensPerParam: number,
): Model {
  const isNamed =
    params === undefined ||
    given.params !== undefined ||
    (given.flops !== undefined && given.tokens !== undefined);
  return planModel(isNamed ? given : { ...given, params }, tokensPerParam);
}

function model(params: number, tokens: number, flops = 6 * params * tokens): Model {
  return { flops, params, tokens, tokensPerParam: tokens / params };
}

/** The law's rate, ignoring the pool's size; at most 1. */
export function lawRate(
  { regime, coefficient, exponent }: Law,
  { flops, tokens }: Pick<Model, 'flops' | 'tokens'>,
): number {
  return Math.min(1, (coefficient * (regime === 'compute-optimal' ? flops : tokens) ** exponent) / 100);
}

/**
 * The smallest share that trains on D tokens in at most `maxEpochs` passes: D / (maxEpochs · T). Above 1 if
 * the pool is too small.
 */
export function floorRate(tokens: number, poolTokens: number, maxEpochs: number): number {
  return tokens / (maxEpochs * poolTokens);
}

/** What sets a rate: the law, the size of the pool, or the request. */
export const ratesSetBy = ['law', 'data floor', 'keep', 'score'] as const;

export interface KeepRate {
  /** Share of the pool's tokens to keep, and the band in which the choice costs little. */
  rate: number;
  low: number;
  high: number;
  setBy: (typeof ratesSetBy)[number];
  /** The requested score, if it set the rate. */
  score?: number;
}

/** Whether the rate follows from the budget. */
export function isByBudget({ setBy }: Pick<KeepRate, 'setBy'>): boolean {
  return setBy === 'law' || setBy === 'data floor';
}

/**
 * F = min(1, max(law, floor)), and its band: half a step of the tested rates around the law, within [floor,
 * 1].
 */
export function keepRate(law: number, floor: number): KeepRate {
  const clip = (rate: number): number => Math.min(1, Math.max(floor, rate));
  return {
    rate: clip(law),
    low: clip(law / bandFactor),
    high: clip(law * bandFactor),
    setBy: floor > law ? 'data floor' : 'law',
  };
}

/** Budgets, each as the model it trains. */
export interface Budgets {
  /** Where the law or the data floor gives exactly this rate. */
  at: Model;
  /**
   * The range in which the rate is within the band, so that keeping this much costs little. Null: no upper
   * limit.
   */
  from: Model;
  to: Model | null;
}

/**
 * Which budgets a rate suits: the inverse of `keepRate`. Law and floor both grow with the budget, so the rate
 * is reached at the smaller of their two budgets; likewise for the band's edges.
 */
export function budgetsFor(
  rate: number,
  law: Law,
  poolTokens: number,
  { tokensPerParam, maxEpochs }: { tokensPerParam: number; maxEpochs: number },
): Budgets {
  const fixed = law.params;
  const modelOf = (size: number): Model =>
    planModel(fixed === undefined ? { flops: size } : { params: fixed, tokens: size }, tokensPerParam);
  const floorTokens = rate * maxEpochs * poolTokens;
  const floorSize = fixed === undefined ? (6 * floorTokens ** 2) / tokensPerParam : floorTokens;
  const reach = (lawsRate: number): Model =>
    modelOf(Math.min(floorSize, ((100 * lawsRate) / law.coefficient) ** (1 / law.exponent)));
  return { at: reach(rate), from: reach(rate / bandFactor), to: rate < 1 ? reach(rate * bandFactor) : null };
}
