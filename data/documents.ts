// The data type of the pipeline: batches of documents, with text as UTF-8 bytes instead of strings.

import { z } from 'zod';

export const shardFormats = ['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'] as const;
export type ShardFormat = (typeof shardFormats)[number];

/** A file listed by a pattern in the settings. */
export interface ListedFile {
  /**
   * Its name in all files and responses: its path relative to the settings file, with "/" between folders.
   */
  name: string;
  path: string;
  bytes: number;
  modifiedMs: number;
  /** Other names of the same file that also match the settings. */
  otherNames?: string[];
}

/** One file of the corpus. */
export interface Shard extends ListedFile {
  format: ShardFormat;
}

/** A shard in messages between threads and in files. */
export const shardSchema = z.object({
  name: z.string(),
  path: z.string(),
  format: z.enum(shardFormats),
  bytes: z.number().int().nonnegative(),
  modifiedMs: z.number(),
}) satisfies z.ZodType<Shard>;

/**
 * A part of a shard that one worker scores: row groups of Parquet, a byte range of uncompressed JSON Lines,
 * or a whole compressed file.
 */
export interface Chunk {
  /** Its first row in the shard, from 0. */
  firstRow: number;
  /** The row after its last, if known before reading (Parquet). */
  endRow?: number | undefined;
  /** Its byte range in an uncompressed JSON Lines file: whole lines. */
  startByte?: number | undefined;
  endByte?: number | undefined;
}

/** The arrays are valid until the next batch is requested: readers reuse them. */
export interface DocumentBatch {
  shard: string;
  count: number;
  /**
   * Row in the shard, from 0 (for JSON Lines the line, including invalid and blank lines), to find the text
   * again.
   */
  rows: Float64Array;
  /** Document keys: the id field, or shard#row if there is none. */
  documents: string[];
  /** '' if the document has no source. */
  sources: string[];
  /** Token counts in the corpus; NaN if the document has none and the count must be estimated. */
  tokens: Float64Array;
  /** All texts, concatenated, as UTF-8; text i is text.subarray(textEnds[i - 1] ?? 0, textEnds[i]). */
  text: Uint8Array;
  textEnds: Uint32Array;
}

/**
 * Text i of a batch. Everything that a text can have stays in it, also a byte order mark at its beginning, so that
 * a text read again is the same.
 */
export function textOf({ text, textEnds }: Pick<DocumentBatch, 'text' | 'textEnds'>, i: number): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  return bytes.toString('utf8', textEnds[i - 1] ?? 0, textEnds[i]);
}
