// Counts the contents of a part while its documents are scored.

import type { DocumentBatch } from '../data/documents.ts';
import { type Sums, openSums } from './sums.ts';
import { type ListedPart, scoreBin } from './part.ts';

export interface Tally {
  documents: number;
  estimatedDocuments: number;
  textBytes: number;
  /** Adds a batch. Each document has `outputs` consecutive scores; the first is the joint score. */
  add(batch: DocumentBatch, tokens: Float64Array, scores: Float32Array, outputs: number): void;
  result(): Sums & Pick<ListedPart, 'estimatedDocuments' | 'textBytes' | 'scores'>;
}

export function openTally(): Tally {
  const sums = openSums();
  let lowest = Infinity;
  let highest = -Infinity;
  return {
    documents: 0,
    estimatedDocuments: 0,
    textBytes: 0,
    add(batch, tokens, scores, outputs) {
      for (let i = 0; i < batch.count; i++) {
        const score = scores[i * outputs] ?? 0;
        sums.count(batch.sources[i] ?? '', scoreBin(score), 1, tokens[i] ?? 0);
        if (score < lowest) lowest = score;
        if (score > highest) highest = score;
      }
      this.documents += batch.count;
      this.textBytes += batch.text.length;
    },
    result() {
      const { documents, estimatedDocuments, textBytes } = this;
      return {
        ...sums.result(),
        estimatedDocuments,
        textBytes,
        scores: documents === 0 ? null : [lowest, highest],
      };
    },
  };
}
