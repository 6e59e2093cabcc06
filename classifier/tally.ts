// What a part's documents add up to, counted while they are scored.

import type { DocumentBatch } from '../data/documents.ts';
import { binCount, type Part, scoreBin } from './part.ts';

export interface Tally {
  documents: number;
  estimatedDocuments: number;
  textBytes: number;
  /** Takes in a batch; of each document's scores, `outputs` in a row, the first is the joint one. */
  add(batch: DocumentBatch, tokens: Float64Array, scores: Float32Array, outputs: number): void;
  result(): Pick<Part, 'documents' | 'tokens' | 'estimatedDocuments' | 'textBytes' | 'scores' | 'sources' | 'histogram'>;
}

export function openTally(): Tally {
  const binDocuments = new Float64Array(binCount);
  const binTokens = new Float64Array(binCount);
  const sources = new Map<string, { documents: number; tokens: number }>();
  let allTokens = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  return {
    documents: 0,
    estimatedDocuments: 0,
    textBytes: 0,
    add(batch, tokens, scores, outputs) {
      for (let i = 0; i < batch.count; i++) {
        const documentTokens = tokens[i] ?? 0;
        const score = scores[i * outputs] ?? 0;
        const bin = scoreBin(score);
        binDocuments[bin] = (binDocuments[bin] ?? 0) + 1;
        binTokens[bin] = (binTokens[bin] ?? 0) + documentTokens;
        if (score < lowest) lowest = score;
        if (score > highest) highest = score;
        allTokens += documentTokens;
        const name = batch.sources[i] ?? '';
        const source = sources.get(name);
        if (source === undefined) sources.set(name, { documents: 1, tokens: documentTokens });
        else {
          source.documents++;
          source.tokens += documentTokens;
        }
      }
      this.documents += batch.count;
      this.textBytes += batch.text.length;
    },
    result() {
      const histogram: Part['histogram'] = [];
      for (let bin = binCount - 1; bin >= 0; bin--) {
        const documents = binDocuments[bin] ?? 0;
        if (documents > 0) histogram.push([bin, documents, binTokens[bin] ?? 0]);
      }
      return {
        documents: this.documents,
        tokens: allTokens,
        estimatedDocuments: this.estimatedDocuments,
        textBytes: this.textBytes,
        scores: this.documents === 0 ? null : [lowest, highest],
        sources: [...sources].map(([source, counts]) => ({ source, ...counts })).sort((a, b) => (a.source < b.source ? -1 : 1)),
        histogram,
      };
    },
  };
}
