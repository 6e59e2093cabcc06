// Counts the whole corpus while it streams by.

import { exactTokens } from '../../run/bounds.ts';
import type { DocumentBatch } from '../../data/documents.ts';
import type { UnusableShards } from '../../data/files/unusable.ts';
import type { CorpusCounts } from '../index-card.ts';

interface SourceCount {
  documents: number;
  textBytes: number;
}

export interface CorpusCount {
  documents: number;
  textBytes: number;
  countedDocuments: number;
  countedTokens: number;
  sources: Map<string, SourceCount>;
}

/** A corpus with a different source for every document must not fill the memory. */
const namedSources = 10_000;
const otherSources = '(other)';

export function openCorpusCount(): CorpusCount {
  return { documents: 0, textBytes: 0, countedDocuments: 0, countedTokens: 0, sources: new Map() };
}

export function countBatch(count: CorpusCount, batch: DocumentBatch): void {
  let start = 0;
  for (let i = 0; i < batch.count; i++) {
    const end = batch.textEnds[i] ?? start;
    const source = sourceOf(count, batch.sources[i] ?? '');
    source.documents++;
    source.textBytes += end - start;
    const tokens = batch.tokens[i] ?? NaN;
    if (!Number.isNaN(tokens)) {
      count.countedDocuments++;
      count.countedTokens += tokens;
    }
    start = end;
  }
  count.documents += batch.count;
  count.textBytes += start;
}

function sourceOf(count: CorpusCount, name: string): SourceCount {
  const known = count.sources.get(name);
  if (known !== undefined) return known;
  if (count.sources.size >= namedSources && name !== otherSources) return sourceOf(count, otherSources);
  const source = { documents: 0, textBytes: 0 };
  count.sources.set(name, source);
  return source;
}

/** The counts for the card, sources by bytes. Errors: TOKENS_TOO_MANY. */
export function summarize(
  count: CorpusCount,
  shards: number,
  quarantined: number,
  withoutDocuments: UnusableShards,
): CorpusCounts {
  const { sources, ...totals } = count;
  exactTokens(count.countedTokens);
  const sorted = [...sources]
    .map(([source, counts]) => ({ source, ...counts }))
    .sort((a, b) => b.textBytes - a.textBytes || (a.source < b.source ? -1 : 1));
  return { shards, ...totals, quarantined, withoutDocuments, sources: sorted };
}
