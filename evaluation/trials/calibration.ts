// A trial's runs as the runs of a calibration: every finished reading is a budget, and the arms of one scorer are its
// keep rates. Runs that saw documents twice measure the size of the pool, so they are refused.

import type { Trial } from '../../ranking/budget/calibrate.ts';
import { formatAmount, formatShare } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import { lossOf } from './measured-arms.ts';
import type { TrialPlan } from './plan-file.ts';
import type { RunResult } from './results.ts';

/** Passes are counted from tokens that were cut into sequences. */
const onePass = 1.001;

/**
 * The runs of `scorer` and of no filter at the first learning rate, with their losses on the answers. Errors:
 * CALIBRATION_REFUSED if the trial has no such arm, or an arm saw its documents more than once.
 */
export function calibrationRuns(plan: TrialPlan, results: readonly RunResult[], scorer: string): Trial[] {
  const arms = plan.arms.filter(
    (arm) => arm.kind === 'no filter' || (arm.kind === 'ranking' && arm.scorer === scorer),
  );
  const own = results.filter(({ job }) => job.learningRate === 0);
  const wanted = arms.flatMap((arm) =>
    own.filter(({ job }) => job.arm === arm.id).map((result) => ({ arm, result })),
  );
  const reasons = [
    ...(arms.some(({ kind }) => kind === 'ranking') ? [] : [`the trial has no arm of ${scorer}`]),
    ...arms.flatMap((arm) => {
      const passes = Math.max(
        0,
        ...wanted.filter((one) => one.arm === arm).map(({ result }) => result.card.passes ?? 0),
      );
      return passes > onePass
        ? [
            `${arm.kind === 'no filter' ? arm.kind : `${arm.scorer} at ${formatShare(arm.keep)}`} saw its documents ` +
              `${passes.toFixed(1)} times, so its losses measure the size of the pool, too; rank more text, or train ` +
              `on fewer than ${formatAmount(plan.tokens)} tokens`,
          ]
        : [];
    }),
  ];
  if (reasons.length > 0) throw fail('CALIBRATION_REFUSED', { reasons });
  return wanted.flatMap(({ arm, result }) =>
    result.readings.map(({ tokens }, at) => ({
      flops: 6 * (result.card.parameters ?? 0) * tokens,
      keep: arm.keep,
      loss: lossOf(plan, result, at),
    })),
  );
}
