// What users of a ranking must know about a classifier that learned the scores of a model.

import type { Card } from '../../classifier/classifier-card.ts';

/** How well the classifier learned; with a warning if it may be no better than chance. */
export function describeLearned({ outputs }: Pick<Card, 'outputs'>, what: string): string[] {
  const { value, low, high } = outputs[0]?.heldOut.rocAuc ?? { value: 0, low: 0, high: 0 };
  return [
    `A classifier scores the corpus. It learned ${what}; its cross-fitted ROC-AUC for the best 10% is ` +
      `${value.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)}).`,
    ...(low > 0.5
      ? []
      : [
          'The classifier did not learn these scores: the interval of its ROC-AUC includes .5, which is chance, or ' +
            'is below it. Do not select by this ranking. A larger sample (sample.documents) or other scores may help.',
        ]),
  ];
}
