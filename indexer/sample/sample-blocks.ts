// Reads the documents of the sample in their order, some hundred at a time.

import { z } from 'zod';
import { parquetSource } from '../../data/duckdb/duckdb.ts';
import { readStrings } from '../../data/duckdb/columns.ts';
import { streamChunks } from '../../data/duckdb/stream.ts';
import type { Run } from '../../run/run.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';

/** Texts are sorted by length within a block; larger blocks gain nothing and hold more text. */
const blockDocuments = 20_000;

/** A file of sampled documents, and how many there are. */
export interface SampleFile {
  path: string;
  documents: number;
}

export const placesSchema = z.array(z.tuple([z.string(), z.string(), z.coerce.number()]));

/**
 * Reads a sample file, or its first `documents`, in blocks and passes document keys and texts to `use`, in file
 * order.
 */
export async function readSampleBlocks(
  { files }: Run,
  sample: string,
  use: (keys: string[], texts: string[]) => Promise<void>,
  documents?: number,
): Promise<void> {
  await withSpillingDuckDb(files.spill, async (connection) => {
    let keys: string[] = [];
    let texts: string[] = [];
    for await (const chunk of streamChunks(
      connection,
      `SELECT document, text FROM ${parquetSource(sample)}${documents === undefined ? '' : ` LIMIT ${documents}`}`,
    )) {
      // The library's own conversion drops a byte order mark.
      for (const key of readStrings(chunk, 0)) keys.push(key ?? '');
      for (const text of readStrings(chunk, 1)) texts.push(text ?? '');
      if (keys.length < blockDocuments) continue;
      await use(keys, texts);
      keys = [];
      texts = [];
    }
    if (keys.length > 0) await use(keys, texts);
  });
}
