// What to be careful about when reading the report of a trial on preference pairs.

import { formatCount, formatCountOf } from '../../run/amounts.ts';
import type { PairTrialPlan } from './plan-file.ts';
import type { PairTrialReport } from './report-file.ts';

export function listPairNotes(plan: PairTrialPlan, report: PairTrialReport): string[] {
  const { models, judge, arms } = report;
  const short = arms.some(({ steps, budget, arm }) => {
    const planned = plan.models.find((model) => model.arm.split('.')[0] === arm && model.budget === budget);
    return planned !== undefined && budget !== 'steps' && steps < planned.steps;
  });
  return [
    ...plan.notes,
    ...(models.done === models.of
      ? []
      : [
          `${formatCount(models.of - models.done)} of ${formatCountOf(models.of, 'model')} have no result; ` +
            'they are listed below.',
        ]),
    ...(plan.seeds.length > 1
      ? []
      : [
          'There is one seed, so intervals cover held-out pairs and items only, and differences may be chance.',
        ]),
    ...(short
      ? [
          'Some pairs are too long for the student, so models trained for fewer steps than their pairs suggest.',
        ]
      : []),
    ...(plan.measurement.proxy
      ? [`The difficulties are a proxy (${plan.measurement.name}), not those of reference models.`]
      : []),
    'Accuracy and loss on held-out pairs say how well a model agrees with the preferences, not how well it answers. ' +
      'Only win rates say which share to keep.',
    ...(judge === null
      ? plan.judge === null
        ? []
        : ['The judge has not compared the answers of all models yet: "betr pairs trial run" goes on.']
      : [
          'Win rates are against the untuned student. Length-controlled: the σ(a) of a logistic regression ' +
            'σ(a + b·tanh(d)) of one model, d the difference in characters over its standard deviation. ' +
            'Unlike AlpacaEval 2, it has no term for the difficulty of prompts.',
          ...(judge.leftOut === 0
            ? []
            : [
                `${formatCountOf(judge.leftOut, 'prompt')} left out, because the judge gave no answer for some model.`,
              ]),
          ...(plan.seeds.length > 1
            ? [
                'Models of all seeds answer the same prompts, so the interval of the peak is a little too narrow.',
              ]
            : []),
        ]),
  ];
}
