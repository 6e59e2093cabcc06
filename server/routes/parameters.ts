// Parameters that several routes take, besides those of a question.

import { z } from 'zod';
import { parseWhole } from '../../run/amounts.ts';

/** A whole number from `least` to `most`, `otherwise` where it is left out. Errors: OPTION_INVALID. */
export function wholeParameter(
  name: string,
  least: number,
  most: number,
  otherwise: number,
  description: string,
): z.ZodType<number, string | undefined> {
  return z
    .string()
    .default(String(otherwise))
    .transform((text) => parseWhole(name, text, least, most))
    .meta({ description: `${description} From ${least} to ${most}; ${otherwise} when left out.` });
}

/** The row of a shard in a path. */
export const rowParameter = z
  .string()
  .transform((text) => parseWhole('row', text, 0, Number.MAX_SAFE_INTEGER))
  .meta({ description: '0-based row of the shard, as /documents tells it.' });

export const charactersParameter = (otherwise: number): z.ZodType<number, string | undefined> =>
  wholeParameter('characters', 0, 100_000, otherwise, 'How much of a text is shown, in UTF-16 units.');
