// Counts the contents of a part while its documents are scored.

import type { DocumentBatch } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import { type Sums, openSums } from './sums.ts';
import { type ListedPart, scoreBin } from './part.ts';
import type { BatchNotes } from './scorers/kind.ts';

export interface Tally {
  /** Documents with and without a score. */
  documents: number;
  unknown: number;
  /** Of all of them. */
  textBytes: number;
  /**
   * Adds a batch with its token counts, estimated or not. Each document has `outputs` consecutive scores; the
   * first is the joint score.
   */
  add(
    batch: DocumentBatch,
    tokens: Float64Array,
    scores: Float32Array,
    outputs: number,
    notes?: BatchNotes,
  ): void;
  result(): Sums & Pick<ListedPart, 'estimatedDocuments' | 'textBytes' | 'scores'>;
}

export function openTally(): Tally {
  const sums = openSums();
  let estimatedDocuments = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  return {
    documents: 0,
    unknown: 0,
    textBytes: 0,
    add(batch, tokens, scores, outputs, notes) {
      let unknown = 0;
      for (let i = 0; i < batch.count; i++) {
        const score = scores[i * outputs] ?? 0;
        if (notes !== undefined && Number.isNaN(score)) {
          sums.countUnknown(batch.sources[i] ?? '', reasonAt(notes, i), 1, tokens[i] ?? 0);
          unknown++;
          continue;
        }
        sums.count(batch.sources[i] ?? '', scoreBin(score), 1, tokens[i] ?? 0);
        if (Number.isNaN(batch.tokens[i])) estimatedDocuments++;
        if (score < lowest) lowest = score;
        if (score > highest) highest = score;
      }
      this.documents += batch.count - unknown;
      this.unknown += unknown;
      this.textBytes += batch.text.length;
    },
    result() {
      const { documents, textBytes } = this;
      return {
        ...sums.result(),
        estimatedDocuments,
        textBytes,
        scores: documents === 0 ? null : [lowest, highest],
      };
    },
  };
}

/** Why document `i` has no score. */
export function reasonAt({ reasons }: BatchNotes, i: number): string {
  const reason = reasons[i];
  if (reason === undefined)
    throw fail('INTERNAL', { reason: 'the scorer gave neither a score nor a reason' });
  return reason;
}
