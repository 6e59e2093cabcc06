// Collects documents into batches of about one mebibyte of text, which fit in the CPU cache and in bounded
// memory.

import type { DocumentBatch } from './documents.ts';
import { openPool } from './files/pool.ts';

export const bytesPerBatch = 1 << 20;
const documentsPerBatch = 4096;

/**
 * Documents and texts are added separately, because the texts of many documents can be copied at once; add
 * both before `take`.
 */
export interface BatchBuilder {
  /** Adds a document without its text, which has `textBytes` bytes. Without an `id` the key is shard#row. */
  addDocument(row: number, id: string | undefined, source: string, tokens: number, textBytes: number): void;
  /** Copies the texts of the next documents, concatenated. */
  addTexts(texts: Uint8Array): void;
  isFull(): boolean;
  /** The batch so far; undefined if it is empty. The next batch reuses its memory. */
  take(): DocumentBatch | undefined;
  /** Returns the memory to the pool; earlier batches become invalid. */
  close(): void;
}

/** Opens a builder of batches with about `fullBytes` of text. */
export function openBatch(shard: string, fullBytes = bytesPerBatch): BatchBuilder {
  let columns = idle.take();
  let count = 0;
  let textEnd = 0;
  let copied = 0;
  return {
    addDocument(row, id, source, tokens, textBytes) {
      textEnd += textBytes;
      columns.rows[count] = row;
      columns.tokens[count] = tokens;
      columns.textEnds[count] = textEnd;
      columns.documents.push(id === undefined || id === '' ? `${shard}#${row}` : id);
      columns.sources.push(source);
      count++;
    },
    addTexts(texts) {
      if (copied + texts.length > columns.text.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(2 * columns.text.length, copied + texts.length));
        columns.text.copy(larger, 0, 0, copied);
        columns.text = larger;
      }
      columns.text.set(texts, copied);
      copied += texts.length;
    },
    isFull: () => textEnd >= fullBytes || count === documentsPerBatch,
    take() {
      if (count === 0) return undefined;
      const { rows, documents, sources, tokens, text, textEnds } = columns;
      const batch = {
        shard,
        count,
        rows: rows.subarray(0, count),
        documents,
        sources,
        tokens: tokens.subarray(0, count),
        text: text.subarray(0, textEnd),
        textEnds: textEnds.subarray(0, count),
      };
      // Releases a buffer that grew for a very long document.
      columns = {
        ...columns,
        documents: [],
        sources: [],
        text: text.length > maxTextBytes ? openText() : text,
      };
      count = 0;
      textEnd = 0;
      copied = 0;
      return batch;
    },
    close: () =>
      idle.give({
        ...columns,
        documents: [],
        sources: [],
        text: columns.text.length > maxTextBytes ? openText() : columns.text,
      }),
  };
}

/** A batch without documents. */
export function emptyBatch(shard: string): DocumentBatch {
  return {
    shard,
    count: 0,
    rows: new Float64Array(),
    documents: [],
    sources: [],
    tokens: new Float64Array(),
    text: Buffer.alloc(0),
    textEnds: new Uint32Array(),
  };
}

function openColumns(): {
  rows: Float64Array;
  documents: string[];
  sources: string[];
  tokens: Float64Array;
  text: Buffer;
  textEnds: Uint32Array;
} {
  return {
    rows: new Float64Array(documentsPerBatch),
    documents: [],
    sources: [],
    tokens: new Float64Array(documentsPerBatch),
    text: openText(),
    textEnds: new Uint32Array(documentsPerBatch),
  };
}

const idle = openPool(2, openColumns);

const maxTextBytes = 4 * bytesPerBatch;

/** Starts small because many files are small; it grows with the first batch, and later readers reuse it. */
function openText(): Buffer {
  return Buffer.allocUnsafeSlow(bytesPerBatch >> 4);
}
