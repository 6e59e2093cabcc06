// A row of a file as preference pairs.

import type { Row } from '../run/fields/field-path.ts';
import { valueOf } from '../run/fields/field-path.ts';
import type { PairsSettings } from '../run/pair-settings.ts';
import type { PairForm } from './pair.ts';

/** A pair as its row has it. */
export interface FoundPair {
  form: PairForm;
  prompt: string;
  chosen: string;
  rejected: string;
  tools: string | null;
  scoreChosen: number | null;
  scoreRejected: number | null;
}

/** The pairs of a row and what it was taken for, or why it gives none. */
export type RowPairs = { shape: string; pairs: FoundPair[] } | { reason: string };

export function readRow(row: Row, { fields }: PairsSettings): RowPairs {
  const [prompt, chosen, rejected] = [
    valueOf(row, fields.prompt ?? 'prompt'),
    valueOf(row, fields.chosen ?? 'chosen'),
    valueOf(row, fields.rejected ?? 'rejected'),
  ];
  if (typeof prompt !== 'string' || typeof chosen !== 'string' || typeof rejected !== 'string')
    return { reason: 'no prompt, chosen and rejected answer' };
  if (chosen.trim() === '' || rejected.trim() === '') return { reason: 'an answer is empty' };
  if (chosen === rejected) return { reason: 'chosen and rejected are equal' };
  return {
    shape: 'prompt, chosen, rejected',
    pairs: [{ form: 'text', prompt, chosen, rejected, tools: null, scoreChosen: null, scoreRejected: null }],
  };
}
