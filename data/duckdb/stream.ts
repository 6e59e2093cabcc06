// Results of DuckDB queries as streams of chunks, which report every error of the query.

import type { DuckDBConnection, DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import { ResultReturnType } from './library.ts';

/**
 * Streams the chunks of a query's result. Aborting the signal interrupts the query. Errors: those of the
 * query, even after the first chunks.
 */
export async function* streamChunks(
  connection: DuckDBConnection,
  sql: string,
  signal?: AbortSignal,
): AsyncGenerator<DuckDBDataChunk, void> {
  signal?.throwIfAborted();
  const interrupt = (): void => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  try {
    const result = await connection.stream(sql);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    )
      yield chunk;
    signal?.throwIfAborted();
    await checkEnd(connection, result, sql);
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/**
 * If a query fails after its first rows, the library ends the result as if it were complete; only its return
 * type shows the failure. Throws the query's error.
 */
async function checkEnd(connection: DuckDBConnection, result: DuckDBResult, sql: string): Promise<void> {
  if (result.returnType !== ResultReturnType.INVALID) return;
  // A materialized result reports the error. Its rows are discarded.
  await connection.run(`SELECT bit_xor(hash(result)) FROM (${sql}) AS result`);
  throw new Error('a query failed in the middle of its result');
}

/**
 * Streams the chunks of a query's result and fetches the next one in advance. Errors: those of the query,
 * even after the first chunks.
 */
export async function* streamAhead(
  connection: DuckDBConnection,
  sql: string,
): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(sql);
  let next = result.fetchChunk();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk === null || chunk.rowCount === 0) {
        await checkEnd(connection, result, sql);
        return;
      }
      next = result.fetchChunk();
      // The failure is reported when the chunk is awaited.
      next.catch(() => undefined);
      yield chunk;
    }
  } finally {
    // The caller may now close the connection, which must not happen during a fetch.
    await next.catch(() => undefined);
  }
}
