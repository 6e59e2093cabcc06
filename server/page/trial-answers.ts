// The parts of the server's answers that the panel of trials reads, as in answers.ts.

import type { Interval } from './answers.ts';

/** GET /trials: by name. */
export interface Trials {
  trials: readonly { name: string; reported: boolean; problem: string | null }[];
}

/** GET /trials/{name} */
export interface TrialReport {
  trial: string;
  model: string;
  tokens: number;
  seeds: readonly number[];
  jobs: { done: number; of: number };
  flops: number;
  learningRates: readonly TrialRate[];
  problems: readonly { job: string; problem: string }[];
  notes: readonly string[];
}

/** The arms at one learning rate. Numbers are bits per byte; a difference above 0 is better. */
export interface TrialRate {
  learningRate: number;
  arms: readonly TrialArm[];
  noise: { deviation: number } | null;
  /** The smallest difference that these seeds find four times out of five. */
  smallest: number | null;
}

export interface TrialArm {
  arm: string;
  kind: 'ranking' | 'random' | 'no filter';
  answers: Interval | null;
  texts: Interval | null;
  overNoFilter: TrialGain | null;
  overRandom: TrialGain | null;
  textsOverNoFilter: TrialGain | null;
  multiplier: {
    kind: 'is' | 'above' | 'below';
    times: number;
    low: number | null;
    high: number | null;
  } | null;
  /** How often its tokens were seen, at most. */
  passes: number;
  curve: readonly (Interval & { flops: number })[];
}

export interface TrialGain extends Interval {
  verdict: 'better' | 'worse' | 'no difference seen';
}
