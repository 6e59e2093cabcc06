import type { Row } from '../../../run/fields/field-path.ts';
import type { Made, Refused } from '../../../indexer/examples/outcome.ts';
import { openRules, type Rules } from '../../../indexer/examples/read.ts';
import { settleAll } from '../../../indexer/examples/settle.ts';

/** The text of one row, without what other rows of its benchmark would show. */
export function exampleText(row: Row, rules: Rules = {}): Made | Refused {
  return settleAll([openRules(rules)(row)])[0] ?? { reason: 'no row' };
}
