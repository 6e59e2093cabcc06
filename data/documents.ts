// The one type that flows through the pipeline: documents in batches, text as UTF-8 bytes, never as a list of
// strings.

import { z } from 'zod';

export const shardFormats = ['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'] as const;
export type ShardFormat = (typeof shardFormats)[number];

/** A file that the settings name. */
export interface ListedFile {
  /** Its name in every file and answer: its path relative to the settings file, with "/" between folders. */
  name: string;
  path: string;
  bytes: number;
  modifiedMs: number;
  /** Further names of the same file that the settings name as well. */
  otherNames?: string[];
}

/** One file of the corpus. */
export interface Shard extends ListedFile {
  format: ShardFormat;
}

/** A shard as threads send it to each other, and as files keep it. */
export const shardSchema = z.object({
  name: z.string(),
  path: z.string(),
  format: z.enum(shardFormats),
  bytes: z.number().int().nonnegative(),
  modifiedMs: z.number(),
}) satisfies z.ZodType<Shard>;

/**
 * A part of a shard that one worker takes: row groups of Parquet, a byte range of plain JSON Lines, or the
 * whole of a compressed file.
 */
export interface Chunk {
  /** 0-based row of the shard that it begins with. */
  firstRow: number;
  /** The row after its last, where it is known before reading (Parquet). */
  endRow?: number | undefined;
  /** Its bytes in a plain JSON Lines file: whole lines. */
  startByte?: number | undefined;
  endByte?: number | undefined;
}

/** Its arrays are of use until the next batch is asked for: readers fill them anew. */
export interface DocumentBatch {
  shard: string;
  count: number;
  /**
   * 0-based row in the shard (for JSONL the line, bad and blank lines counted), so that a text can be found
   * again.
   */
  rows: Float64Array;
  /** Document keys: the id field, or shard#row where there is none. */
  documents: string[];
  /** '' where the document names no source. */
  sources: string[];
  /** Token counts of the corpus's own; NaN where the document has none and it has to be estimated. */
  tokens: Float64Array;
  /** All texts one after the other, UTF-8; text i is text.subarray(textEnds[i - 1] ?? 0, textEnds[i]). */
  text: Uint8Array;
  textEnds: Uint32Array;
}
