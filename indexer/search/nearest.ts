// Finds each example's nearest documents by the cheaper search, and compares the HNSW index with the exact
// search. The cost is calculated, never timed, so the same input always gives the same ranks.

import { setImmediate } from 'node:timers/promises';
import { emptyLists, type NearestLists, searchExact, type SearchOptions } from './exact.ts';
import { expansionAdd, type HnswIndex } from './hnsw.ts';

export type SearchMethod = 'exact' | 'hnsw';

export interface Recall {
  /** Share of the exact lists that the HNSW index finds. */
  recall: number;
  /** Length and number of the lists compared. */
  nearest: number;
  examples: number;
  /** Candidates held during a search; look-ups use the same number. */
  expansion: number;
}

const recallWanted = 0.99;
const recallExamples = 48;
/** The expansion is raised up to this multiple of the list's length, then accepted. */
const expansionCap = 16;

// Cost of one distance in the graph, in multiply-adds of a matrix product: it reads memory at random and
// works on one row at a time. Measured at 384 dimensions: 12,000 documents added in 1.8 s on one thread, and
// 4.6e9 products per second in the product on two.
const graphPenalty = 8;
/** Distances computed for each candidate held (the library's connectivity). */
const connectivity = 16;

/**
 * Length K of the lists (docs/method.md, "Best rank"); `setting` is the minimum. The top share q of n
 * documents needs K = −ln(1 − q)·n/M for M independent examples, and up to five times that for real ones:
 * for q = 30% of the joint ranking and, for outputs of single benchmarks, 10% of the smallest benchmark's
 * ranking (`smallest` is its number of examples; 0 if there are no such outputs). At most n, and at most
 * 2^26 entries in all lists unless the setting asks for more.
 */
export function listLength(sampled: number, examples: number, smallest: number, setting: number): number {
  const overlap = 5;
  const joint = (overlap * -Math.log(1 - 0.3) * sampled) / examples;
  const single = smallest === 0 ? 0 : (overlap * -Math.log(1 - 0.1) * sampled) / smallest;
  const wanted = Math.min(Math.ceil(Math.max(joint, single)), Math.floor(2 ** 26 / examples));
  return Math.min(sampled, Math.max(setting, wanted));
}

/**
 * The cheaper search, and the reason as text. Exact: every example against every document. HNSW: building
 * the index on one thread, as reproducible ranks require, and holding twice the list's length of candidates
 * for every example. The dimensions cancel out.
 */
export function chooseSearch(
  examples: number,
  sampled: number,
  nearest: number,
  setting: 'auto' | SearchMethod,
): { method: SearchMethod; why: string } {
  if (setting !== 'auto') return { method: setting, why: 'search.method in the settings' };
  const exact = examples * sampled;
  const hnsw = graphPenalty * connectivity * (expansionAdd * sampled + 2 * nearest * examples);
  const method = exact <= hnsw ? 'exact' : 'hnsw';
  return {
    method,
    why:
      `the exact search costs ${exact.toExponential(1)} vector products, HNSW the equivalent ` +
      `of ${hnsw.toExponential(1)}, including building the index`,
  };
}

/**
 * Recall of the index compared with the exact search, on examples spread evenly over all of them. The
 * expansion doubles from the list's length until the recall is .99 or the cap is reached. `lists` are the
 * exact lists, if known.
 */
export async function measureRecall(
  index: HnswIndex,
  examples: Float32Array,
  documents: Float32Array,
  nearest: number,
  lists: NearestLists | undefined,
  threads: number,
): Promise<Recall> {
  const { dimensions } = index;
  const all = examples.length / dimensions;
  const picked = Array.from({ length: Math.min(all, recallExamples) }, (_, i) =>
    Math.floor((i * all) / Math.min(all, recallExamples)),
  );
  const queries = new Float32Array(picked.length * dimensions);
  for (const [row, example] of picked.entries())
    queries.set(examples.subarray(example * dimensions, (example + 1) * dimensions), row * dimensions);
  const truth =
    lists === undefined
      ? await searchExact(queries, documents, dimensions, nearest, { threads })
      : pickLists(lists, picked);
  for (let expansion = truth.nearest; ; expansion *= 2) {
    const recall = shareFound(truth, await index.search(queries, truth.nearest, expansion, { threads }));
    if (recall >= recallWanted || expansion >= expansionCap * truth.nearest || expansion >= index.size)
      return { recall, nearest: truth.nearest, examples: picked.length, expansion };
  }
}

function pickLists(lists: NearestLists, picked: readonly number[]): NearestLists {
  const some = emptyLists(picked.length, lists.sampled, lists.nearest);
  for (const [row, example] of picked.entries())
    some.documents.set(
      lists.documents.subarray(example * lists.nearest, (example + 1) * lists.nearest),
      row * lists.nearest,
    );
  return some;
}

function shareFound(truth: NearestLists, found: NearestLists): number {
  let hits = 0;
  for (let example = 0; example < truth.examples; example++) {
    const wanted = new Set(truth.documents.subarray(example * truth.nearest, (example + 1) * truth.nearest));
    for (let at = 0; at < found.nearest; at++)
      if (wanted.has(found.documents[example * found.nearest + at] ?? -1)) hits++;
  }
  return hits / truth.documents.length;
}

/** The lists by HNSW, sorted again by the exact cosine, because float16 swaps close neighbors. */
export async function searchHnsw(
  index: HnswIndex,
  examples: Float32Array,
  documents: Float32Array,
  nearest: number,
  expansion: number,
  options: SearchOptions,
): Promise<NearestLists> {
  const lists = await index.search(examples, nearest, expansion, options);
  for (let example = 0; example < lists.examples; example++) {
    sortByCosine(lists, example, examples, documents, index.dimensions);
    if (example % 256 === 0) await setImmediate();
  }
  return lists;
}

function sortByCosine(
  lists: NearestLists,
  example: number,
  examples: Float32Array,
  documents: Float32Array,
  dimensions: number,
): void {
  const start = example * lists.nearest;
  const found: { document: number; cosine: number }[] = [];
  for (const document of lists.documents.subarray(start, start + lists.nearest)) {
    if (document < 0) break;
    let cosine = 0;
    for (let d = 0; d < dimensions; d++)
      cosine += (examples[example * dimensions + d] ?? 0) * (documents[document * dimensions + d] ?? 0);
    found.push({ document, cosine: Math.fround(cosine) });
  }
  found.sort((a, b) => b.cosine - a.cosine || a.document - b.document);
  for (const [at, { document, cosine }] of found.entries()) {
    lists.documents[start + at] = document;
    lists.cosines[start + at] = cosine;
  }
}
