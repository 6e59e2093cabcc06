import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tableFromIPC } from 'apache-arrow';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { silent } from '../../../run/progress.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { keepByPlainSort, makeRows, type Row } from '../../ranking/synthetic.ts';
import { until } from '../../until.ts';
import { type TestServer, withServer } from '../serve.ts';
import { longTest, someOf } from '../../long.ts';

// Keys with all that a format has to quote, and long: in all about 20 MB, more than what the sockets' buffers
// hold.
const rows: Row[] = makeRows(12_000).map((row) => ({
  ...row,
  document: `${row.row % 7 === 0 ? `ü "${row.document}", \n🙂` : row.document} ${'.'.repeat(1600)}`,
}));

const order = (a: Row, b: Row): number =>
  Buffer.compare(Buffer.from(a.shard), Buffer.from(b.shard)) || a.row - b.row;

const kept = keepByPlainSort(rows, 0.4)
  .sort(order)
  .map(({ shard, row, document, score }) => ({ shard, row, document, score }));

let served: TestServer;
let stop: () => void;
let done: Promise<void>;

beforeAll(async () => {
  await new Promise<void>((resolve, reject) => {
    done = withServer(async (server) => {
      served = server;
      resolve();
      await new Promise<void>((end) => (stop = end));
    }, rows);
    done.catch(reject);
  });
}, 120_000);

afterAll(async () => {
  stop();
  await done;
});

async function download(format: string, keep = '0.4'): Promise<{ bytes: Buffer; headers: Headers }> {
  const response = await fetch(`${served.url}/selection?keep=${keep}&format=${format}`);
  expect(response.status).toBe(200);
  return { bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
}

const rowSchema = z.object({
  shard: z.string(),
  row: z.coerce.number(),
  document: z.string(),
  score: z.number(),
});

describe('GET /selection', () => {
  it('as JSON lines is what a plain sort keeps, by shard and row', async () => {
    const { bytes, headers } = await download('jsonl');
    expect(
      bytes
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => rowSchema.parse(JSON.parse(line))),
    ).toEqual(kept);
    const { generation } = await readRanking(served.run);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="selection-${generation}-40pct.jsonl"`,
    );
    expect(headers.get('content-type')).toBe('application/x-ndjson');
    expect(headers.get('etag')).toContain(generation);
  });

  it('at a score is what a filter keeps, and is named by it', async () => {
    const lowest = kept[Math.floor(kept.length / 2)]?.score ?? 0;
    const response = await fetch(`${served.url}/selection?score=${lowest}&format=jsonl`);
    const found = (await response.text()).trimEnd().split('\n');
    expect(found.map((line) => rowSchema.parse(JSON.parse(line)))).toEqual(
      kept.filter(({ score }) => score >= lowest),
    );
    expect(response.headers.get('content-disposition')).toContain(`-score${lowest}.jsonl"`);
  });

  it('as CSV quotes what has to be, and as an Arrow stream holds the same', async () => {
    const path = join(tmpdir(), `betr-selection-${process.pid}.csv`);
    await writeFile(path, (await download('csv')).bytes);
    try {
      const read = await withDuckDb({}, async (connection) =>
        (
          await connection.runAndReadAll(
            `SELECT * FROM read_csv(${sqlString(path)}, types = {'row': 'DOUBLE', 'score': 'DOUBLE'})`,
          )
        ).getRowObjects(),
      );
      expect(z.array(rowSchema).parse(read)).toEqual(kept);
    } finally {
      await rm(path);
    }
    const table = tableFromIPC((await download('arrow')).bytes);
    expect(table.schema.fields.map(({ name, type }) => [name, String(type)])).toEqual([
      ['shard', 'Utf8'],
      ['row', 'Int64'],
      ['document', 'Utf8'],
      ['score', 'Float32'],
    ]);
    const columns = ['shard', 'row', 'document', 'score'].map((name) =>
      [...(table.getChild(name) ?? [])].map((value: unknown) =>
        typeof value === 'bigint' ? Number(value) : value,
      ),
    );
    expect(kept.map(({ shard, row, document, score }) => [shard, row, document, score])).toEqual(
      kept.map((_row, i) => columns.map((column) => column[i])),
    );
  });

  it('as Parquet has the bytes of betr select', async () => {
    const out = join(served.run.folder, '../out');
    await writeSelection(
      served.run,
      await readRanking(served.run),
      { keep: 0.4 },
      out,
      { format: 'rows' },
      silent,
    );
    const { bytes, headers } = await download('parquet');
    expect(bytes.equals(await readFile(join(out, 'selection.parquet')))).toBe(true);
    expect(headers.get('content-length')).toBe(String(bytes.length));
    await until(async () => (await readdir(served.run.folder)).every((name) => !name.startsWith('spill')), {
      everyMs: 100,
    });
  });

  it.each(someOf(['jsonl', 'csv', 'arrow', 'parquet'], 2))(
    'has the same bytes for the same question as %s, and is empty where nothing is kept',
    async (format) => {
      const [one, two] = await Promise.all([download(format), download(format)]);
      expect(one.bytes.equals(two.bytes)).toBe(true);
      const nothing = await download(format, '1e-9');
      expect(nothing.bytes.length).toBeLessThan(2000);
    },
  );

  it('does no work for HEAD', async () => {
    const response = await fetch(`${served.url}/selection?keep=0.4&format=csv`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/csv; charset=utf-8',
      '',
    ]);
  });

  longTest('waits for a client that does not read, and goes on when it does', async () => {
    const whole = (await download('jsonl', '1')).bytes;
    const { asked, response } = await open();
    response.pause();
    let taken = 0;
    // What lies between the two fills up first.
    await until(
      async () => {
        taken = asked.socket?.bytesRead ?? 0;
        await setTimeout(500);
        return asked.socket?.bytesRead === taken;
      },
      { what: 'that nothing more comes' },
    );
    expect(taken).toBeLessThan(whole.length / 2);
    const pieces: Uint8Array[] = [];
    for await (const piece of response) pieces.push(z.instanceof(Uint8Array).parse(piece));
    expect(Buffer.concat(pieces).equals(whole)).toBe(true);
  });

  it('takes so many at once, says to the others when to come back, and stops for clients that leave', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, open));
    for (const { response } of clients) response.pause();
    const refused = await served.ask('/selection?keep=1');
    expect(refused).toMatchObject({ status: 503, json: { code: 'BUSY' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('content-disposition')).toBeNull();
    await setTimeout(1000);
    expect((await served.ask('/selection?keep=1')).status).toBe(503);
    for (const { asked } of clients) asked.destroy();
    await until(async () => (await served.ask('/selection?keep=1')).status === 200, { everyMs: 100 });
  });

  it.each([
    ['?format=xlsx&keep=0.1', 'OPTION_INVALID'],
    ['?format=csv', 'USAGE'],
    ['?keep=0.1&limit=3', 'PARAMETER_UNKNOWN'],
  ])('refuses %s', async (parameters, code) => {
    expect(await served.ask(`/selection${parameters}`)).toMatchObject({ status: 400, json: { code } });
  });
});

/** A download of everything that is begun and not read. */
async function open(): Promise<{ asked: ClientRequest; response: IncomingMessage }> {
  const asked = request(`${served.url}/selection?keep=1&format=jsonl`);
  asked.on('error', () => undefined).end();
  const response = await new Promise<IncomingMessage>((resolve) => asked.once('response', resolve));
  response.on('error', () => undefined);
  return { asked, response };
}
