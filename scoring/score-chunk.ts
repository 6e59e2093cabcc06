// Scores one chunk or pack: reads batches of documents and writes parts, in memory bounded by a part's size.
// Continues after parts that are already published. Promises: the boundaries and every byte of the parts
// depend on the task and the scorer only, not on which worker made them or how often it was restarted.

import type { DuckDBConnection } from '@duckdb/node-api';
import { bytesPerBatch } from '../data/batch.ts';
import type { Shard } from '../data/documents.ts';
import { openDuckDb } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import { ignoredRows, type Quarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { FieldNames } from '../run/settings.ts';
import { isUnchanged } from '../data/shards.ts';
import type { ListedPart } from './part.ts';
import { openPart, type PartContext } from './part-writer.ts';
import type { Piece, Task } from './tasks.ts';

export interface ScoringContext extends PartContext {
  fields: FieldNames;
  readConnection: DuckDBConnection;
}

/**
 * Opens a context's connections, each to its own database: in a shared one, a finished part would stay in
 * memory while the file is read.
 */
export async function openConnections(
  spill: string,
): Promise<Pick<ScoringContext, 'connection' | 'readConnection'> & { close: () => void }> {
  // A Parquet page that DuckDB wrote can have 100 MB, and so can the next one.
  const limits = { threads: 1, memoryMb: 256, keptMb: 16, spill };
  const [writing, reading] = [await openDuckDb(limits), await openDuckDb(limits)];
  return {
    connection: writing.connection,
    readConnection: reading.connection,
    close() {
      writing.close();
      reading.close();
    },
  };
}

/**
 * Scores the rows of a task that its `published` parts do not cover, and yields each part once its files are
 * in place; the caller publishes it. `onBatch` is called after each batch, and during one that takes long, and
 * returns whether to continue.
 * Errors: SHARD_CHANGED if a shard differs from the plan; those of reading and writing.
 */
export async function* scoreChunk(
  task: Task,
  published: readonly ListedPart[],
  context: ScoringContext,
  onBatch: (documents: number, textBytes: number) => boolean,
): AsyncGenerator<ListedPart> {
  const { pieces, partBytes } = task;
  const start = findStart(pieces, published);
  let number = published.length;
  let part = openPart(task, number, context);
  // Rows come in order and the reader does not read ahead, so a bad row belongs to the part that is open.
  const quarantine: Quarantine = { add: (...row) => part.quarantine.add(...row), count: 0 };
  const commit = async (ends: ListedPart['ends']): Promise<ListedPart> => {
    const listed = await part.commit(ends);
    part = openPart(task, ++number, context);
    return listed;
  };
  try {
    for (const [index, { shard, chunk, endsShard }] of pieces.entries()) {
      if (index < start.index) continue;
      await checkUnchanged(shard);
      let firstRow = index === start.index ? start.row : chunk.firstRow;
      const cover = async (endRow: number, ends: boolean): Promise<void> => {
        await checkUnchanged(shard);
        part.cover({
          shard: shard.name,
          bytes: shard.bytes,
          modifiedMs: shard.modifiedMs,
          firstRow,
          rows: endRow - firstRow,
          endsShard: ends,
        });
        firstRow = endRow;
      };
      const batches = readShard(shard, context.fields, {
        quarantine,
        chunk,
        fromRow: firstRow,
        batchBytes: Math.min(bytesPerBatch, partBytes),
        connection: context.readConnection,
      });
      try {
        for (;;) {
          const next = await batches.next();
          if (next.done === true) {
            await cover(next.value, endsShard);
            break;
          }
          const batch = next.value;
          let told = 0;
          if (batch.count > 0)
            await part.add(batch, (done) => {
              if (!onBatch(done - told, 0)) throw new Stopped();
              told = done;
            });
          const goOn = onBatch(batch.count - told, batch.text.length);
          if (part.isFull()) {
            await cover((batch.rows[batch.count - 1] ?? 0) + 1, false);
            yield await commit('part');
          }
          if (!goOn) return;
        }
      } finally {
        await batches.return(0);
      }
    }
    yield await commit('chunk');
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    await part.drop();
  }
}

/** The caller does not want to continue in the middle of a batch. */
class Stopped extends Error {}

/** The piece and row that follow the published parts. */
function findStart(
  pieces: readonly Piece[],
  published: readonly ListedPart[],
): { index: number; row: number } {
  const last = published.at(-1)?.covers.at(-1);
  if (last === undefined) return { index: 0, row: pieces[0]?.chunk.firstRow ?? 0 };
  const index = pieces.findIndex(({ shard }) => shard.name === last.shard);
  return last.endsShard ? { index: index + 1, row: 0 } : { index, row: last.firstRow + last.rows };
}

/** Reads a whole shard as scoring does, to find errors. Errors: as `scoreChunk`. */
export async function checkShard(
  shard: Shard,
  { fields, readConnection }: Pick<ScoringContext, 'fields' | 'readConnection'>,
): Promise<void> {
  await checkUnchanged(shard);
  const batches = readShard(shard, fields, { quarantine: ignoredRows, connection: readConnection });
  while ((await batches.next()).done !== true);
}

async function checkUnchanged(shard: Shard): Promise<void> {
  if (!(await isUnchanged(shard))) throw fail('SHARD_CHANGED', { path: shard.path });
}
