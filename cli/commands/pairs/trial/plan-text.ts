// The plan of a trial on preference pairs as text.

import type { PairTrialPlan } from '../../../../evaluation/pair-trials/plan-file.ts';
import {
  formatCount,
  formatCountOf,
  formatFlops,
  formatNames,
  formatShare,
} from '../../../../run/amounts.ts';
import { formatBytes, formatDuration, formatTable } from '../../../output.ts';

export function describePairPlan(plan: PairTrialPlan): string {
  const { pairs, models, arms, seeds, estimate, measurement, benchmarks } = plan;
  const measured = models.filter(({ items }) => items !== null).length;
  return [
    `Trial "${plan.name}" of the pairs "${plan.set}": ${formatCountOf(models.length, 'model')} to train from ` +
      `${plan.student} (${formatCountOf(seeds.length, 'seed')}; equal ${plan.budgets.join(' and equal ')}), by the ` +
      `difficulties of ${measurement.name}${measurement.proxy ? ' (a proxy)' : ''}.`,
    `Held out: ${formatCount(pairs.heldOut)} of ${formatCount(pairs.known)} pairs with a known difficulty, in ` +
      `${formatCountOf(pairs.groups, 'group')} of similar prompts. The arms are cut from ` +
      `${formatCount(pairs.pool)}${
        pairs.tests === 0
          ? ''
          : `; ${formatCount(pairs.tests)} with words of benchmark tests in their prompts are in no arm`
      }.`,
    '',
    formatTable([
      ['arm', 'keep', 'pairs', 'steps', 'difficulty', 'characters of chosen', 'of rejected'],
      ...arms.map((arm) => [
        arm.seed === null ? arm.kind : `${arm.kind} (seed ${arm.seed})`,
        formatShare(arm.keep),
        formatCount(arm.pairs),
        [
          ...new Set(models.filter((model) => model.arm === arm.id).map(({ steps }) => formatCount(steps))),
        ].join(', '),
        arm.difficulty.toPrecision(4),
        formatCount(Math.round(arm.chosenCharacters)),
        formatCount(Math.round(arm.rejectedCharacters)),
      ]),
    ]),
    '',
    `Training takes about ${formatDuration(estimate.seconds)} of one GPU or CPU thread, ` +
      `${formatFlops(estimate.flops)} FLOPs, ${formatBytes(estimate.diskBytes)} of disk, and ` +
      `${formatBytes(1e6 * estimate.peakMemoryMb)} of memory for each worker.`,
    ...(measured === 0
      ? []
      : [
          `Then ${formatCountOf(measured + 1, 'model')} (the untuned student is one) read ` +
            `${formatBytes(plan.itemBytes)} of items of ${formatNames(benchmarks.map(({ benchmark }) => benchmark))}.`,
        ]),
    ...(plan.promptCount === 0
      ? []
      : [`Each also answers ${formatCountOf(plan.promptCount, 'held-out prompt')}.`]),
    ...(plan.judge === null
      ? []
      : [
          `${plan.judge} compares the answers of each model with the untuned student's, in both orders: at most ` +
            `${formatCountOf(2 * models.length * plan.promptCount, 'question')}.`,
        ]),
    ...plan.notes.map((note) => `Note: ${note}`),
    '',
    `Start it with: betr pairs trial run ${plan.set} --name ${plan.name}`,
  ].join('\n');
}
