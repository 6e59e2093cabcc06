// The formulas of difficulty.ts as SQL for DuckDB. A row's `models` is a list with one struct for each model that
// judged the pair: {model VARCHAR, steps DOUBLE[], margins DOUBLE[]}, with its checkpoints from first to last.

import { type Checkpoints, learnedMargin } from './difficulty.ts';

/** SQL of the loss at a margin. */
export function sqlLoss(margin: string): string {
  return `(greatest(0, -(${margin})) + ln(1 + exp(-abs(${margin}))))`;
}

/**
 * SQL that turns rows of `pair, models, unknown` into difficulties. A pair that has a reason, or no model, has no
 * difficulty; each has the one or the other.
 */
export function sqlDifficulty(rows: string, use: Checkpoints): string {
  const loss = `lambda m: ${sqlLoss('m')}`;
  const counted = use === 'last' ? 'one.margins[-1:]' : 'one.margins';
  return `
    WITH known AS (
      SELECT pair, len(models) AS models,
        CASE WHEN unknown IS NULL AND coalesce(len(models), 0) = 0 THEN 'no model judged it'
          ELSE unknown END AS unknown,
        list_transform(models, lambda one: list_avg(list_transform(${counted}, ${loss}))) AS losses,
        list_transform(models, lambda one: list_avg(${counted})) AS margins,
        list_transform(models, lambda one: ${sqlLearnedStep}) AS steps
      FROM (${rows}))
    SELECT pair,
      CASE WHEN unknown IS NULL THEN list_avg(losses) END AS difficulty,
      unknown,
      CASE WHEN unknown IS NULL AND models > 1 THEN list_stddev_samp(losses) END AS spread,
      CASE WHEN unknown IS NULL THEN list_avg(margins) END AS margin,
      CASE WHEN unknown IS NULL THEN models ELSE 0 END::INTEGER AS models,
      CASE WHEN unknown IS NULL AND NOT list_contains(list_transform(steps, lambda s: s IS NULL), true)
        AND list_median(steps) < 'Infinity'::DOUBLE THEN list_median(steps) END AS learned_step
    FROM known`;
}

/** Position of the last margin that is not above the limit; NULL if all are. */
const lastBelow =
  `(len(one.margins) + 1 - list_position(list_transform(list_reverse(one.margins), ` +
  `lambda m: m > ${learnedMargin}), false))`;

const sqlLearnedStep =
  `CASE WHEN list_contains(list_transform(one.steps, lambda s: s IS NULL), true) THEN NULL ` +
  `WHEN ${lastBelow} = len(one.margins) THEN 'Infinity'::DOUBLE ` +
  `ELSE one.steps[coalesce(${lastBelow}, 0) + 1] END`;
