// Sums of documents and tokens, in total, by source, and by score bin. Documents without a score are summed
// apart, by source and reason.

import { binCount, type ListedPart, type PartCard, type Unknown } from './part.ts';

/** Sources are sorted by name, bins from best to worst; none is empty. */
export type Sums = Pick<ListedPart, 'documents' | 'tokens'> & PartCard;

export interface RunningSums {
  /** Adds documents of one source in one bin. */
  count(source: string, bin: number, documents: number, tokens: number): void;
  /** Adds documents of one source without a score. */
  countUnknown(source: string, reason: string, documents: number, tokens: number): void;
  add(card: PartCard): void;
  result(): Sums;
}

/** Empty sums. */
export function openSums(): RunningSums {
  // Arrays, not maps: this runs once per document, and a map takes several times as long.
  const binDocuments = new Float64Array(binCount);
  const binTokens = new Float64Array(binCount);
  const sources = new Map<string, { documents: number; tokens: number }>();
  const unknown = new Map<string, Unknown[number]>();
  const countUnknown = (source: string, reason: string, documents: number, tokens: number): void => {
    const key = JSON.stringify([source, reason]);
    const sum = unknown.get(key) ?? { source, reason, documents: 0, tokens: 0 };
    unknown.set(key, sum);
    sum.documents += documents;
    sum.tokens += tokens;
  };
  const addBin = (bin: number, documents: number, tokens: number): void => {
    binDocuments[bin] = (binDocuments[bin] ?? 0) + documents;
    binTokens[bin] = (binTokens[bin] ?? 0) + tokens;
  };
  const addSource = (source: string, documents: number, tokens: number): void => {
    const sum = sources.get(source);
    if (sum === undefined) sources.set(source, { documents, tokens });
    else {
      sum.documents += documents;
      sum.tokens += tokens;
    }
  };
  return {
    count(source, bin, documents, tokens) {
      addSource(source, documents, tokens);
      addBin(bin, documents, tokens);
    },
    countUnknown,
    add(card) {
      for (const { source, documents, tokens } of card.sources) addSource(source, documents, tokens);
      for (const [bin, documents, tokens] of card.histogram) addBin(bin, documents, tokens);
      for (const { source, reason, documents, tokens } of card.unknown ?? [])
        countUnknown(source, reason, documents, tokens);
    },
    result() {
      const histogram: Sums['histogram'] = [];
      let [allDocuments, allTokens] = [0, 0];
      for (let bin = binCount - 1; bin >= 0; bin--) {
        const [documents, tokens] = [binDocuments[bin] ?? 0, binTokens[bin] ?? 0];
        if (documents === 0) continue;
        histogram.push([bin, documents, tokens]);
        allDocuments += documents;
        allTokens += tokens;
      }
      return {
        documents: allDocuments,
        tokens: allTokens,
        sources: [...sources]
          .map(([source, sums]) => ({ source, ...sums }))
          .sort((a, b) => (a.source < b.source ? -1 : 1)),
        histogram,
        ...(unknown.size === 0 ? {} : { unknown: [...unknown.values()].sort(bySourceAndReason) }),
      };
    },
  };
}

function bySourceAndReason(a: Unknown[number], b: Unknown[number]): number {
  return a.source === b.source ? (a.reason < b.reason ? -1 : 1) : a.source < b.source ? -1 : 1;
}
