// Collects documents into batches: about a mebibyte of text each, so that what works on them does so in cache and in bounded memory.

import type { DocumentBatch } from './documents.ts';

const bytesPerBatch = 1 << 20;
const documentsPerBatch = 4096;

export interface BatchBuilder {
  /** Takes a document in; `id` undefined: the key is shard#row. Its text is copied. */
  add(row: number, id: string | undefined, source: string, tokens: number, text: Uint8Array): void;
  isFull(): boolean;
  /** The batch so far, undefined where nothing is in it; the builder starts anew, with memory of its own. */
  take(): DocumentBatch | undefined;
}

export function openBatch(shard: string): BatchBuilder {
  let rows = new Float64Array(documentsPerBatch);
  let tokenCounts = new Float64Array(documentsPerBatch);
  let textEnds = new Uint32Array(documentsPerBatch);
  let documents: string[] = [];
  let sources: string[] = [];
  let bytes = new Uint8Array(bytesPerBatch + (bytesPerBatch >> 2));
  let length = 0;
  return {
    add(row, id, source, tokens, text) {
      if (length + text.length > bytes.length) {
        const larger = new Uint8Array(Math.max(2 * bytes.length, length + text.length));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(text, length);
      length += text.length;
      const at = documents.length;
      rows[at] = row;
      tokenCounts[at] = tokens;
      textEnds[at] = length;
      documents.push(id ?? `${shard}#${row}`);
      sources.push(source);
    },
    isFull: () => length >= bytesPerBatch || documents.length === documentsPerBatch,
    take() {
      const count = documents.length;
      if (count === 0) return undefined;
      const batch = { shard, count, rows: rows.subarray(0, count), documents, sources, tokens: tokenCounts.subarray(0, count), text: bytes.subarray(0, length), textEnds: textEnds.subarray(0, count) };
      rows = new Float64Array(documentsPerBatch);
      tokenCounts = new Float64Array(documentsPerBatch);
      textEnds = new Uint32Array(documentsPerBatch);
      documents = [];
      sources = [];
      bytes = new Uint8Array(bytesPerBatch + (bytesPerBatch >> 2));
      length = 0;
      return batch;
    },
  };
}
