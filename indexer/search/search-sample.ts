// Builds the sample's HNSW index for look-ups, and finds each example's nearest documents with it or exactly.

import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { type ExampleCounts, type IndexCard, mostSingleBenchmarks } from '../index-card.ts';
import type { Vectors } from '../vectors/embed.ts';
import { type NearestLists, searchExact } from './exact.ts';
import { buildHnsw, openHnsw } from './hnsw.ts';
import { chooseSearch, listLength, measureRecall, searchHnsw } from './nearest.ts';
import { sha256File } from '../../data/files/hash-files.ts';

export interface SearchResult {
  lists: NearestLists;
  search: IndexCard['search'];
}

/**
 * Up to this many documents, the index is built on one thread to be reproducible; that takes about 0.2 ms
 * per document.
 */
const reproducibleDocuments = 1_000_000;

/**
 * Builds the HNSW index at `path`, unless its SHA-256 is `known` from the last run over the same vectors,
 * and finds the lists.
 */
export async function searchSample(
  { settings }: Run,
  path: string,
  vectors: Vectors,
  counts: ExampleCounts,
  known: string | undefined,
  report: Report,
): Promise<SearchResult> {
  const started = performance.now();
  const { dimensions } = vectors.embedding;
  const threads = settings.workers ?? 0;
  const all = counts.reduce((sum, { examples }) => sum + examples, 0);
  const smallest =
    counts.length > mostSingleBenchmarks ? 0 : Math.min(...counts.map(({ examples }) => examples));
  const nearest = listLength(vectors.keys.length, all, smallest, settings.search.nearest);
  const { method, why } = chooseSearch(all, vectors.keys.length, nearest, settings.search.method);
  const building = method === 'hnsw' || vectors.keys.length <= reproducibleDocuments ? 1 : threads;
  const index = await openHnsw(
    path,
    dimensions,
    await buildUnlessKnown(path, vectors, building, known, report),
  );
  const progress = (done: number): void =>
    report({ stage: 'index: search', done, total: all, unit: 'examples' });
  const exact =
    method === 'exact'
      ? await searchExact(vectors.examples, vectors.documents, dimensions, nearest, { threads, progress })
      : undefined;
  const recall = await measureRecall(index, vectors.examples, vectors.documents, nearest, exact, threads);
  const lists =
    exact ??
    (await searchHnsw(index, vectors.examples, vectors.documents, nearest, recall.expansion, {
      threads,
      progress,
    }));
  return {
    lists,
    search: {
      method,
      why,
      approximate: method === 'hnsw',
      nearest,
      hnsw: recall,
      seconds: (performance.now() - started) / 1000,
    },
  };
}

/** The SHA-256 of the current index. */
async function buildUnlessKnown(
  path: string,
  vectors: Vectors,
  threads: number,
  known: string | undefined,
  report: Report,
): Promise<string> {
  const total = vectors.keys.length;
  if (known === undefined)
    await buildHnsw(path, vectors.documents, vectors.embedding.dimensions, threads, (done) =>
      report({ stage: 'index: build the HNSW index', done, total, unit: 'documents' }),
    );
  return known ?? (await sha256File(path));
}
