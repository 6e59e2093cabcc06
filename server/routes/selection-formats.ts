// Encodes kept rows as JSON lines, CSV, or an Arrow IPC stream; the same rows give the same bytes.

import {
  type Data,
  Field,
  Float32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
} from 'apache-arrow';
import type { KeptRows } from '../../ranking/selection/kept-rows.ts';
import { csvLine } from '../../data/rows/write-csv.ts';

export type Encode = (blocks: AsyncIterable<KeptRows>) => AsyncGenerator<string | Uint8Array>;

const columns = ['shard', 'row', 'document', 'score'] as const;

/** A score is written as the JSON number of its float32. */
async function* encodeJsonl(blocks: AsyncIterable<KeptRows>): AsyncGenerator<string> {
  for await (const { shards, rows, documents, scores } of blocks) {
    yield shards
      .map(
        (shard, i) =>
          `${JSON.stringify({ shard, row: Number(rows[i]), document: documents[i], score: scores[i] })}\n`,
      )
      .join('');
  }
}

async function* encodeCsv(blocks: AsyncIterable<KeptRows>): AsyncGenerator<string> {
  yield csvLine(columns);
  for await (const { shards, rows, documents, scores } of blocks) {
    yield shards
      .map((shard, i) => csvLine([shard, Number(rows[i]), documents[i] ?? '', scores[i] ?? 0]))
      .join('');
  }
}

const schema = new Schema([
  new Field('shard', new Utf8(), false),
  new Field('row', new Int64(), false),
  new Field('document', new Utf8(), false),
  new Field('score', new Float32(), false),
]);

/**
 * The schema, a record batch per block, and the end of the stream. The library only writes complete
 * streams, or writes as fast as it can; so each block's batch is cut out of a stream of its own.
 */
async function* encodeArrow(blocks: AsyncIterable<KeptRows>): AsyncGenerator<Uint8Array> {
  const empty = tableToIPC(new Table(schema), 'stream');
  const endBytes = 8;
  const start = empty.subarray(0, -endBytes);
  yield start;
  for await (const { shards, rows, documents, scores } of blocks) {
    const children = [
      utf8Data(shards),
      makeData({ type: new Int64(), data: rows }),
      utf8Data(documents),
      makeData({ type: new Float32(), data: scores }),
    ];
    const batch = new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: shards.length, nullCount: 0, children }),
    );
    yield tableToIPC(new Table(schema, [batch]), 'stream').subarray(start.length, -endBytes);
  }
  yield empty.subarray(-endBytes);
}

function utf8Data(values: readonly string[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  for (const [i, value] of values.entries())
    valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + Buffer.byteLength(value);
  return makeData({
    type: new Utf8(),
    length: values.length,
    nullCount: 0,
    valueOffsets,
    data: Buffer.from(values.join('')),
  });
}

export const encoders: Record<'jsonl' | 'csv' | 'arrow', Encode> = {
  jsonl: encodeJsonl,
  csv: encodeCsv,
  arrow: encodeArrow,
};
export const mediaTypes = {
  jsonl: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
};
