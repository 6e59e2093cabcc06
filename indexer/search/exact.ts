// Exact nearest documents of every example by matrix product. Finds the true top K by cosine (of equal
// cosines, the document with the smaller index comes first) in memory that does not grow with examples ×
// documents.

import type { InferenceSession } from 'onnxruntime-node';
import { loadOnnxRuntime, type OnnxRuntime } from '../../models/onnx/runtime.ts';
import { topKGraph } from '../../models/onnx/topk-graph.ts';

/** The nearest documents of each example, nearest first: entry example × nearest + (rank − 1). */
export interface NearestLists {
  examples: number;
  /** Documents in the sample; all indices below are less than this. */
  sampled: number;
  /** Length of every list (K). */
  nearest: number;
  /** Document indices; -1 after the end of a short list (HNSW only). */
  documents: Int32Array;
  cosines: Float32Array;
}

export interface SearchOptions {
  threads?: number;
  /** Rows of one matrix product; only tests set this. */
  blocks?: { queries: number; documents: number };
  /** Receives the number of examples whose lists are complete. */
  progress?: (examples: number) => void;
}

// One block of scores is 256 × 131,072 float32 = 128 MiB. At K = 1,000 this is 1.5 times as fast as blocks of
// 32,768 documents (the merge discards fewer candidates per block), and fits on any machine.
const fullBlocks = { queries: 256, documents: 131_072 };

/**
 * Finds the `nearest` closest documents of every example. `examples` and `documents` hold unit vectors row
 * by row (M × dimensions, n × dimensions), so the dot product is the cosine. `nearest` is at most n. Errors:
 * those of `loadOnnxRuntime`.
 */
export async function searchExact(
  examples: Float32Array,
  documents: Float32Array,
  dimensions: number,
  nearest: number,
  options: SearchOptions = {},
): Promise<NearestLists> {
  const sampled = documents.length / dimensions;
  const lists = emptyLists(examples.length / dimensions, sampled, Math.min(nearest, sampled));
  const runtime = await loadOnnxRuntime();
  const session = await runtime.InferenceSession.create(topKGraph(), {
    executionProviders: ['cpu'],
    logSeverityLevel: 3,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
  });
  const blocks = options.blocks ?? fullBlocks;
  try {
    for (let from = 0; from < lists.examples; from += blocks.queries) {
      const to = Math.min(lists.examples, from + blocks.queries);
      await searchBlock(
        runtime,
        session,
        examples.subarray(from * dimensions, to * dimensions),
        documents,
        blocks.documents,
        lists,
        from,
      );
      options.progress?.(to);
    }
  } finally {
    await session.release();
  }
  return lists;
}

export function emptyLists(examples: number, sampled: number, nearest: number): NearestLists {
  return {
    examples,
    sampled,
    nearest,
    documents: new Int32Array(examples * nearest).fill(-1),
    cosines: new Float32Array(examples * nearest),
  };
}

/** Fills the lists of one block of examples, starting at example `first`. */
async function searchBlock(
  { Tensor }: OnnxRuntime,
  session: InferenceSession,
  queries: Float32Array,
  documents: Float32Array,
  blockSize: number,
  lists: NearestLists,
  first: number,
): Promise<void> {
  const dimensions = documents.length / lists.sampled;
  const count = queries.length / dimensions;
  const queryTensor = new Tensor('float32', queries, [count, dimensions]);
  const spare = { documents: new Int32Array(lists.nearest), cosines: new Float32Array(lists.nearest) };
  for (let from = 0; from < lists.sampled; from += blockSize) {
    const size = Math.min(blockSize, lists.sampled - from);
    const best = Math.min(lists.nearest, size);
    const { values, indices } = await session.run({
      queries: queryTensor,
      documents: new Tensor('float32', documents.subarray(from * dimensions, (from + size) * dimensions), [
        size,
        dimensions,
      ]),
      k: new Tensor('int64', BigInt64Array.of(BigInt(best)), [1]),
    });
    const cosines = values?.data;
    const found = indices?.data;
    if (!(cosines instanceof Float32Array) || !(found instanceof BigInt64Array))
      throw new TypeError('The TopK graph did not return float32 values and int64 indices.');
    // Reads only the low half of each int64 index: the high half is 0, and creating bigints would cost more
    // than the search.
    const low = new Int32Array(found.buffer, found.byteOffset, found.length * 2);
    for (let query = 0; query < count; query++)
      mergeBlock(lists, first + query, spare, cosines, low, query * best, best, from);
  }
}

/**
 * Merges the sorted `best` new candidates into a list. Invariant: both sides are sorted by (cosine
 * descending, document ascending), and all documents in the list precede all new ones, so the list's own
 * entries go first on equal cosines.
 */
function mergeBlock(
  lists: NearestLists,
  example: number,
  spare: { documents: Int32Array; cosines: Float32Array },
  cosines: Float32Array,
  low: Int32Array,
  start: number,
  best: number,
  offset: number,
): void {
  const k = lists.nearest;
  const list = example * k;
  const held = Math.min(k, offset);
  spare.documents.set(lists.documents.subarray(list, list + held));
  spare.cosines.set(lists.cosines.subarray(list, list + held));
  let old = 0;
  let next = 0;
  for (let at = 0; at < k && (old < held || next < best); at++) {
    const fresh = cosines[start + next] ?? 0;
    const kept = spare.cosines[old] ?? 0;
    if (next >= best || (old < held && kept >= fresh)) {
      lists.cosines[list + at] = kept;
      lists.documents[list + at] = spare.documents[old++] ?? -1;
    } else {
      lists.cosines[list + at] = fresh;
      lists.documents[list + at] = offset + (low[2 * (start + next)] ?? 0);
      next++;
    }
  }
}

/** The slow, obvious version of `searchExact`: computes every cosine in a loop and sorts every list. */
export function searchSlow(
  examples: Float32Array,
  documents: Float32Array,
  dimensions: number,
  nearest: number,
): NearestLists {
  const sampled = documents.length / dimensions;
  const lists = emptyLists(examples.length / dimensions, sampled, Math.min(nearest, sampled));
  for (let example = 0; example < lists.examples; example++) {
    const query = examples.subarray(example * dimensions, (example + 1) * dimensions);
    const cosines = Array.from({ length: sampled }, (_, document) =>
      Math.fround(
        query.reduce((sum, value, d) => sum + value * (documents[document * dimensions + d] ?? 0), 0),
      ),
    );
    const order = cosines
      .map((cosine, document) => ({ cosine, document }))
      .sort((a, b) => b.cosine - a.cosine || a.document - b.document);
    for (const [at, { cosine, document }] of order.slice(0, lists.nearest).entries()) {
      lists.documents[example * lists.nearest + at] = document;
      lists.cosines[example * lists.nearest + at] = cosine;
    }
  }
  return lists;
}
