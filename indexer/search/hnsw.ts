// The HNSW index over the sample's vectors: build, save, open (memory-mapped), search. Only this file uses
// the library. An index built on one thread has the same bytes for the same vectors; damaged files are
// rejected instead of opened.

import { stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { type BatchMatches, Index, type IndexConfig, type Matches, MetricKind, ScalarKind } from 'usearch';
import { commitFile } from '../../data/files/commit.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { emptyLists, type NearestLists, type SearchOptions } from './exact.ts';
import { sha256File } from '../../data/files/hash-files.ts';

/**
 * Neighbors considered for each added document (usearch's default, written out because the cost model uses
 * it).
 */
export const expansionAdd = 128;

// Long enough to keep all threads busy, short enough for a progress bar.
const addBlock = 1000;
const searchBlock = 256;

/** An open index. */
export interface HnswIndex {
  dimensions: number;
  /** Number of vectors in it. */
  size: number;
  /**
   * The nearest documents of each query row (unit vectors, float32), nearest first by cosine in the index's
   * float16. `expansion` is the number of candidates to hold, at least `nearest`: more candidates find more
   * of the true nearest but take longer.
   */
  search(
    queries: Float32Array,
    nearest: number,
    expansion: number,
    options?: SearchOptions,
  ): Promise<NearestLists>;
}

/**
 * Builds the index of `vectors` (row by row, row number = document index) at `path`. Several threads are
 * faster but produce different bytes each time. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function buildHnsw(
  path: string,
  vectors: Float32Array,
  dimensions: number,
  threads: number,
  progress: (documents: number) => void,
): Promise<void> {
  const index = new Index(indexConfig(dimensions, 0));
  const size = vectors.length / dimensions;
  for (let from = 0; from < size; from += addBlock) {
    const to = Math.min(size, from + addBlock);
    index.add(
      BigUint64Array.from({ length: to - from }, (_, i) => BigInt(from + i)),
      vectors.subarray(from * dimensions, to * dimensions),
      threads,
    );
    progress(to);
    await setImmediate();
  }
  await commitFile(path, async (temporary) => {
    index.save(temporary);
    await setImmediate();
  });
}

/**
 * Opens the index at `path` as a memory map. `sha256` comes from its card: the library crashes on truncated
 * files, so nothing else is opened. Errors: FILE_DAMAGED.
 */
export async function openHnsw(path: string, dimensions: number, sha256: string): Promise<HnswIndex> {
  const damaged = (reason: string, cause?: unknown): Error =>
    fail('FILE_DAMAGED', { path, reason, command: 'betr index' }, cause);
  try {
    await stat(path);
  } catch (error) {
    throw damaged(reasonOf(error), error);
  }
  if ((await sha256File(path)) !== sha256)
    throw damaged('its SHA-256 differs from the one recorded when it was built');
  const opened = new Map<number, Index>();
  const open = (expansion: number): Index => {
    const index = opened.get(expansion) ?? viewIndex(path, dimensions, expansion, damaged);
    opened.set(expansion, index);
    return index;
  };
  return {
    dimensions,
    size: open(0).size(),
    search: (queries, nearest, expansion, options) => searchIndex(open(expansion), queries, nearest, options),
  };
}

function viewIndex(
  path: string,
  dimensions: number,
  expansion: number,
  damaged: (reason: string, cause?: unknown) => Error,
): Index {
  try {
    const index = new Index(indexConfig(dimensions, expansion));
    index.view(path);
    return index;
  } catch (error) {
    throw damaged(reasonOf(error), error);
  }
}

function indexConfig(dimensions: number, expansionSearch: number): IndexConfig {
  const libraryDefault = 0;
  return {
    dimensions,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F16,
    connectivity: libraryDefault,
    expansion_add: expansionAdd,
    expansion_search: expansionSearch,
    multi: false,
  };
}

async function searchIndex(
  index: Index,
  queries: Float32Array,
  nearest: number,
  options: SearchOptions = {},
): Promise<NearestLists> {
  const dimensions = index.dimensions();
  const lists = emptyLists(queries.length / dimensions, index.size(), Math.min(nearest, index.size()));
  for (let from = 0; from < lists.examples; from += searchBlock) {
    const to = Math.min(lists.examples, from + searchBlock);
    const rows = Array.from({ length: to - from }, (_, i) =>
      queries.subarray((from + i) * dimensions, (from + i + 1) * dimensions),
    );
    const found = index.search(rows, lists.nearest, options.threads ?? 0);
    for (const [row, count] of countsOf(found).entries()) {
      for (let at = 0; at < Number(count); at++) {
        lists.documents[(from + row) * lists.nearest + at] = Number(found.keys[row * lists.nearest + at]);
        lists.cosines[(from + row) * lists.nearest + at] =
          1 - (found.distances[row * lists.nearest + at] ?? 0);
      }
    }
    options.progress?.(to);
    await setImmediate();
  }
  return lists;
}

/**
 * The number of documents each query found; for a single query the library returns an object without counts.
 */
function countsOf(found: BatchMatches | Matches): BigUint64Array {
  return 'counts' in found ? found.counts : BigUint64Array.of(BigInt(found.keys.length));
}
