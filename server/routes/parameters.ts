// Parameters that several routes share, besides those of a question.

import { z } from 'zod';
import { parseWhole } from '../../run/amounts.ts';

/** A whole number from `least` to `most`; `otherwise` is the default. Errors: OPTION_INVALID. */
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
    .meta({ description: `${description} From ${least} to ${most}; default ${otherwise}.` });
}

/** The row in a path. */
export const rowParameter = z
  .string()
  .transform((text) => parseWhole('row', text, 0, Number.MAX_SAFE_INTEGER))
  .meta({ description: 'Row in the shard, counted from 0, as in /documents.' });

export const charactersParameter = (otherwise: number): z.ZodType<number, string | undefined> =>
  wholeParameter('characters', 0, 100_000, otherwise, 'How much of a text to show, in UTF-16 units.');
