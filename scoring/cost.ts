// What a slow scorer takes for many documents, by what it took for some.

import { z } from 'zod';
import { amount } from '../run/schemas.ts';
import type { Measured } from './scorers/kind.ts';

export const costSchema = z.strictObject({
  /** What it was measured with. */
  scorer: z.string(),
  /** Documents that were measured, what they took, and the price of a million tokens. */
  measured: z.strictObject({
    documents: amount,
    seconds: amount,
    tokens: amount,
    price: amount.nullable(),
  }),
  /** For all documents. */
  documents: amount,
  seconds: amount,
  tokens: amount,
  money: amount.nullable(),
});
export type Cost = z.output<typeof costSchema>;

/** The cost of `documents`, from what some of them took. */
export function costOf(scorer: string, measured: Measured, documents: number): Cost {
  const times = measured.documents === 0 ? 0 : documents / measured.documents;
  const tokens = times * measured.tokens;
  return {
    scorer,
    measured,
    documents: Math.round(documents),
    seconds: times * measured.seconds,
    tokens: Math.round(tokens),
    money: measured.price === null ? null : (tokens * measured.price) / 1e6,
  };
}
