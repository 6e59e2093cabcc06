// What `betr pairs check` prints about a set.

import type { PairsCard } from '../../../pairs/card.ts';
import { formatCountOf } from '../../../run/amounts.ts';

export function describeSet({ name, pairs, checked }: PairsCard): string {
  return [
    `${name}: ${formatCountOf(pairs, 'pair')} from ${formatCountOf(checked.rows, 'row')}`,
    ...checked.shapes.map(({ shape, rows }) => `  ${shape}: ${formatCountOf(rows, 'row')}`),
    ...checked.reasons.map(
      ({ reason, rows, first }) => `  left out: ${formatCountOf(rows, 'row')}, first ${first}: ${reason}`,
    ),
  ].join('\n');
}
