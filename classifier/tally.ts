// What a part's documents add up to, counted while they are scored.

import type { DocumentBatch } from '../data/documents.ts';
import { type Part, scoreBin } from './part.ts';

export interface Tally {
  documents: number;
  estimatedDocuments: number;
  textBytes: number;
  /** Takes in a batch; of each document's scores, `outputs` in a row, the first is the joint one. */
  add(batch: DocumentBatch, tokens: Float64Array, scores: Float32Array, outputs: number): void;
  result(): Pick<Part, 'documents' | 'tokens' | 'estimatedDocuments' | 'textBytes' | 'scores' | 'sources' | 'histogram'>;
}

export function openTally(): Tally {
  const bins = new Map<number, { documents: number; tokens: number }>();
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
        count(bins, scoreBin(score), documentTokens);
        if (score < lowest) lowest = score;
        if (score > highest) highest = score;
        allTokens += documentTokens;
        count(sources, batch.sources[i] ?? '', documentTokens);
      }
      this.documents += batch.count;
      this.textBytes += batch.text.length;
    },
    result() {
      return {
        documents: this.documents,
        tokens: allTokens,
        estimatedDocuments: this.estimatedDocuments,
        textBytes: this.textBytes,
        scores: this.documents === 0 ? null : [lowest, highest],
        sources: [...sources].map(([source, counts]) => ({ source, ...counts })).sort((a, b) => (a.source < b.source ? -1 : 1)),
        histogram: [...bins].map(([bin, counts]): Part['histogram'][number] => [bin, counts.documents, counts.tokens]).sort(([a], [b]) => b - a),
      };
    },
  };
}

function count<K>(groups: Map<K, { documents: number; tokens: number }>, key: K, tokens: number): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, { documents: 1, tokens });
  else {
    group.documents++;
    group.tokens += tokens;
  }
}
