// Which share of a set's pairs a question asks to keep, and why: a share, a model's size with a fit, or the largest
// loss.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlString } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { formatAmount, formatCountOf, formatShare } from '../run/amounts.ts';
import { fail } from '../run/errors/errors.ts';
import {
  argillaKeep,
  argillaPoints,
  type Capacity,
  type CapacityRun,
  fitCapacity,
  isBetweenArgillaPoints,
  ultraFeedbackKeep,
} from './capacity.ts';
import type { CutOrder } from './cut.ts';
import type { MeasurementCard } from './measurement.ts';
import { runsOfSize } from './runs.ts';

export interface Asked {
  keep?: number | undefined;
  params?: number | undefined;
  fit?: 'argilla' | readonly CapacityRun[] | undefined;
  maxLoss?: { loss: number; seal: string } | undefined;
  order: CutOrder;
}

export interface Decided {
  /** The share of the pairs with a known difficulty. */
  keep: number;
  /** Their number, where it is not the share rounded. */
  pairs?: number;
  from: 'keep' | 'argilla' | 'runs' | 'max-loss';
  why: string;
  capacity: Capacity | null;
  caveats: string[];
}

/** The first characters of a measurement's seal, as thresholds name it. */
export const sealCharacters = 8;

/** Identifies a measurement's difficulties. */
export function measurementSeal(card: MeasurementCard): string {
  return card.files.difficulties;
}

/**
 * The share that is asked for. Errors: USAGE if the question names none or several, or a loss or a fit with another
 * order than easiest first; PAIRS_SIZE, PAIRS_NO_PEAK, PAIRS_RUNS_SIZE, PAIRS_THRESHOLD.
 */
export async function decideKeep(
  connection: DuckDBConnection,
  difficulties: string,
  card: MeasurementCard,
  asked: Asked,
): Promise<Decided> {
  const { keep, params, fit, maxLoss, order } = asked;
  const ways = [keep, fit, maxLoss].filter((way) => way !== undefined).length;
  if (ways === 0 && params !== undefined)
    throw fail('USAGE', {
      problem:
        'A size of model gives no share by itself: name the fit, "argilla" (the paper\'s hint) or a table of your ' +
        'own runs (--fit).',
    });
  if (ways !== 1)
    throw fail('USAGE', {
      problem: 'Say how many pairs to keep in one way: --keep 60%, --params 7B --fit argilla, or --max-loss.',
    });
  if (keep !== undefined)
    return { keep, from: 'keep', why: 'This share was asked for.', capacity: null, caveats: [] };
  if (order !== 'easiest')
    throw fail('USAGE', {
      problem: `A fit or a loss cuts easiest first; with --order ${order}, give --keep.`,
    });
  if (maxLoss !== undefined) return decideByLoss(connection, difficulties, card, maxLoss);
  if (params === undefined && fit === 'argilla')
    throw fail('USAGE', {
      problem: 'The fit "argilla" goes by the size of the model: give --params, such as 7B.',
    });
  return fit === 'argilla' ? decideByArgilla(params ?? NaN) : decideByRuns(fit ?? [], params);
}

function decideByArgilla(params: number): Decided {
  const points = argillaPoints
    .map((point) => `${formatAmount(point.params)}: ${formatShare(point.keep)}`)
    .join(', ');
  return {
    keep: argillaKeep(params),
    from: 'argilla',
    why:
      `The line through the best shares of Argilla-7k for Qwen2.5 (${points}) says ` +
      `${formatShare(argillaKeep(params))} for ${formatAmount(params)} parameters.`,
    capacity: null,
    caveats: [
      `This is a hint from three points. On UltraFeedback, ${formatShare(ultraFeedbackKeep)} was best for all models ` +
        'of 7B to 9B. Your own runs say more (--fit RUNS).',
      ...(isBetweenArgillaPoints(params)
        ? []
        : [
            `${formatAmount(params)} is outside of the three points (3B to 14B), so this share is extrapolated.`,
          ]),
    ],
  };
}

/** [ours] Above this share of resamples without a peak, the interval needs a note. */
const worthANote = 0.05;

function decideByRuns(fit: readonly CapacityRun[], params: number | undefined): Decided {
  const runs = params === undefined ? fit : runsOfSize(fit, params);
  const sizes = new Set(runs.map((run) => run.params));
  if (sizes.size > 1)
    throw fail('USAGE', { problem: 'The runs are of models of several sizes: give --params to choose one.' });
  const capacity = fitCapacity(runs);
  return {
    keep: capacity.keep,
    from: 'runs',
    why:
      `The win rates of ${formatCountOf(runs.length, 'run')} peak at ${formatShare(capacity.keep)} ` +
      `(95% interval ${formatShare(capacity.low)} to ${formatShare(capacity.high)}).`,
    capacity,
    caveats:
      capacity.withoutPeak > worthANote
        ? [
            `In ${formatShare(capacity.withoutPeak, 2)} of the resamples, the win rates had no peak: they are too ` +
              'noisy to be sure of this share. Judge more prompts.',
          ]
        : [],
  };
}

/** Errors: PAIRS_THRESHOLD. */
async function decideByLoss(
  connection: DuckDBConnection,
  difficulties: string,
  card: MeasurementCard,
  { loss, seal }: { loss: number; seal: string },
): Promise<Decided> {
  const own = measurementSeal(card);
  if (seal.length < sealCharacters || !own.startsWith(seal))
    throw fail('PAIRS_THRESHOLD', {
      got: seal === '' ? String(loss) : `${loss}@${seal}`,
      measurement: card.name,
      example: `${loss}@${own.slice(0, sealCharacters)}`,
    });
  const [row] = await queryRows(
    connection,
    `SELECT count(*)::DOUBLE AS pairs FROM ${difficulties} WHERE difficulty <= ${sqlString(String(loss))}::DOUBLE`,
    z.object({ pairs: z.number() }),
  );
  const pairs = row?.pairs ?? 0;
  return {
    keep: pairs / card.known,
    pairs,
    from: 'max-loss',
    why: `A loss of at most ${loss} was asked for.`,
    capacity: null,
    caveats: [],
  };
}
