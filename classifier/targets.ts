// Reads the classifier's inputs: targets.parquet selects the documents, sample.parquet has their texts.
// targets.parquet may come from any scorer. It needs the columns document and score. Each column score_NAME
// adds an output; a column include marks the positive class, instead of the best 10% by score. A row without a
// score is left out if a column reason says why.

import type { DuckDBConnection } from '@duckdb/node-api';
import { boundedNumber } from '../run/bounds.ts';
import { DuckDBBlobValue } from '../data/duckdb/library.ts';
import { z } from 'zod';
import { parquetSource, sqlName } from '../data/duckdb/duckdb.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';
import { mostSingleBenchmarks } from '../indexer/index-card.ts';

const prefix = 'score_';

export interface Targets {
  /** Document keys, sorted. */
  documents: string[];
  /** 'joint', then the benchmarks. */
  names: string[];
  /** The documents' scores by output, higher is better. */
  scores: Float64Array[];
  /** 1 for the documents that the scorer includes; undefined without such a column. */
  included: Uint8Array | undefined;
  /** Benchmarks with scores in the file that get no output, because there are too many. */
  leftOut: number;
}

/** Reads targets.parquet. Errors: FILE_DAMAGED, TARGETS_INVALID. */
export async function readTargets(connection: DuckDBConnection, path: string): Promise<Targets> {
  return reading(path, async () => {
    const file = parquetSource(path);
    const described = await connection.runAndReadAll(
      `SELECT column_name FROM (DESCRIBE SELECT * FROM ${file})`,
    );
    const columns = z
      .array(z.tuple([z.string()]))
      .parse(described.getRows())
      .map(([name]) => name);
    for (const column of ['document', 'score']) {
      if (!columns.includes(column))
        throw fail('TARGETS_INVALID', {
          path,
          problem: `column "${column}" is missing; its columns are ${columns.join(', ')}`,
        });
    }
    const benchmarks = columns
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
    const used = benchmarks.length > mostSingleBenchmarks ? [] : benchmarks;
    const scoreColumns = ['score', ...used.map((name) => prefix + name)].map(
      (name) => `${sqlName(name)}::DOUBLE`,
    );
    const includes = columns.includes('include');
    const include = includes ? 'include::BOOLEAN' : 'NULL';
    const known = columns.includes('reason') ? 'WHERE NOT (score IS NULL AND reason IS NOT NULL) ' : '';
    const sql =
      `SELECT document::VARCHAR, ${include}, ${scoreColumns.join(', ')} FROM ${file} ${known}` +
      'ORDER BY document::VARCHAR';
    const documents: string[] = [];
    const lists: number[][] = scoreColumns.map(() => []);
    const included: number[] = [];
    for await (const chunk of streamChunks(connection, sql)) {
      for (const [document, include, ...scores] of chunk.getRows()) {
        if (typeof document !== 'string')
          throw fail('TARGETS_INVALID', { path, problem: 'a row has no document key' });
        if (document === documents.at(-1))
          throw fail('TARGETS_INVALID', { path, problem: `document "${document}" occurs twice` });
        documents.push(document);
        included.push(include === true ? 1 : 0);
        for (const [output, score] of scores.entries()) {
          if (!boundedNumber.safeParse(score).success || typeof score !== 'number')
            throw fail('TARGETS_INVALID', {
              path,
              problem: `document "${document}" has the score ${String(score)}`,
            });
          lists[output]?.push(score);
        }
      }
    }
    return {
      documents,
      names: ['joint', ...used],
      scores: lists.map((list) => Float64Array.from(list)),
      included: includes ? Uint8Array.from(included) : undefined,
      leftOut: benchmarks.length - used.length,
    };
  });
}

/**
 * Streams the documents' texts in the order of the sample: `take` gets a document's index in `documents` and
 * its UTF-8 bytes. Returns the number of documents in the sample without a target. Errors: FILE_DAMAGED,
 * TARGETS_INVALID.
 */
export async function readSampleTexts(
  connection: DuckDBConnection,
  paths: { sample: string; targets: string },
  documents: readonly string[],
  take: (document: number, text: Uint8Array) => void,
): Promise<number> {
  const places = new Map(documents.map((document, place) => [document, place]));
  let withoutTarget = 0;
  await reading(paths.sample, async () => {
    for await (const chunk of streamChunks(
      connection,
      `SELECT document::VARCHAR, encode(text) FROM ${parquetSource(paths.sample)}`,
    )) {
      for (const [document, text] of chunk.getRows()) {
        if (typeof document !== 'string' || !(text instanceof DuckDBBlobValue))
          throw new Error('a row has no document key or no text');
        const place = places.get(document);
        if (place === undefined) withoutTarget++;
        else take(place, text.bytes);
        places.delete(document);
      }
    }
  });
  const [missing] = places.keys();
  if (missing !== undefined)
    throw fail('TARGETS_INVALID', {
      path: paths.targets,
      problem: `${places.size} of its documents are not in the sample, for example "${missing}"`,
    });
  return withoutTarget;
}

/** Reports any other failure to read a file of the index step as FILE_DAMAGED. */
async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw fail('FILE_DAMAGED', { path, reason: reasonOf(error), command: 'betr index' }, error);
  }
}
