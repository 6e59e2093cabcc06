// Against s3rver, a real server of the S3 protocol that checks who asks, in a process of its own on loopback.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256File } from '../../../data/commit.ts';
import { withDuckDb } from '../../../data/duckdb.ts';
import { openStore } from '../../../data/remote/store.ts';
import { listShards } from '../../../data/shards.ts';
import { publishRanking } from '../../../ranking/generation.ts';
import { writeSelection } from '../../../ranking/select.ts';
import { silent } from '../../../data/progress.ts';
import { withRun, writeParts } from '../../ranking/synthetic.ts';
import { readAll } from '../collect.ts';

const program = join(import.meta.dirname, '../../../../node_modules/s3rver/bin/s3rver.js');
let folder: string;
let server: ChildProcess;
const outer = { ...process.env };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-s3-'));
  const port = await freePort();
  server = spawn(process.execPath, [program, '--address', '127.0.0.1', '--port', String(port), '--directory', join(folder, 'store'), '--configure-bucket', 'corpus', '--no-vhost-buckets', '--silent'], { stdio: 'ignore' });
  Object.assign(process.env, { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`, AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true' });
  for (let attempt = 0; attempt < 100 && !(await answers(port)); attempt++) await new Promise((resolve) => setTimeout(resolve, 100));
  await putText('s3://corpus/web/a.jsonl', '{"id":"a","text":"first"}\n{"id":"b","text":"second"}\n');
  await putText('s3://corpus/web/deep/b.jsonl', '{"id":"c","text":"third"}\n');
  await putText('s3://corpus/web/notes.txt', 'not a shard');
});

afterAll(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, outer);
  server.kill();
  await once(server, 'exit');
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false);
}

async function putText(url: string, text: string): Promise<void> {
  await writeFile(join(folder, 'put'), text);
  await (await openStore(url)).put(join(folder, 'put'), url);
}

describe('a corpus in S3', () => {
  it('is listed by globs and by names', async () => {
    const shards = await listShards(['s3://corpus/web/**/*.jsonl'], '/');
    expect(shards.map(({ name, bytes }) => [name, bytes])).toEqual([['s3://corpus/web/a.jsonl', 53], ['s3://corpus/web/deep/b.jsonl', 26]]);
    expect((await listShards(['s3://corpus/web/*.jsonl', 's3://corpus/web/a.jsonl'], '/')).map(({ name }) => name)).toEqual(['s3://corpus/web/a.jsonl']);
    await expect(listShards(['s3://corpus/none/*.jsonl'], '/')).rejects.toMatchObject({ code: 'NO_FILES' });
    await expect(listShards(['s3://corpus/none.jsonl'], '/')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(listShards(['s3://corpus'], '/')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('is read line by line and column by column', async () => {
    expect((await readAll('s3://corpus/web/a.jsonl')).documents.map(({ document, text }) => [document, text])).toEqual([['a', 'first'], ['b', 'second']]);
    const path = join(folder, 'a.parquet');
    await withDuckDb({}, (connection) => connection.run(`COPY (SELECT 'k' || i AS id, 'text ' || i AS text FROM range(3000) AS t(i)) TO '${path}' (FORMAT parquet)`));
    await (await openStore('s3://corpus/a.parquet')).put(path, 's3://corpus/a.parquet');
    expect(await sha256File('s3://corpus/a.parquet')).toBe(await sha256File(path));
    expect(await readAll('s3://corpus/a.parquet')).toEqual(await readAll(path));
  });

  it('tells who may not, without a word of the secret', async () => {
    await writeFile(
      join(folder, 'denied.mjs'),
      `import { listShards } from ${JSON.stringify(join(import.meta.dirname, '../../../data/shards.js'))};
       await listShards(['s3://corpus/web/*.jsonl'], '/').catch((error) => console.log(error.code, error.message));`,
    );
    const child = spawn(process.execPath, [join(folder, 'denied.mjs')], { env: { ...process.env, AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'wrongsecret' } });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece.toString()));
    await once(child, 'close');
    expect(said).toMatch(/^REMOTE_DENIED .*s3:\/\/corpus\/web/);
    expect(said).not.toContain('wrongsecret');
  });
});

describe('a selection at an address', () => {
  it('arrives file by file, the manifest last, in place of an earlier one', async () => {
    await withRun(async (run) => {
      const rows = [1, 2, 3, 4].map((row) => ({ shard: 'a.jsonl', row, document: `d${row}`, source: 'web', tokens: 10, score: row }));
      const ranking = await publishRanking(run, await writeParts(run, rows), { outputs: ['joint', 'sums'], sha256: 'f'.repeat(64) });
      const here = await writeSelection(run, ranking, { keep: 0.5 }, join(folder, 'out'), { format: 'rows' }, silent);
      for (let times = 0; times < 2; times++) {
        expect(await writeSelection(run, ranking, { keep: 0.5 }, 's3://corpus/out/', { format: 'rows' }, silent)).toEqual(here);
        expect(await sha256File('s3://corpus/out/selection.parquet')).toBe(here.files[0]?.sha256);
        expect(await sha256File('s3://corpus/out/manifest.json')).toBe(await sha256File(join(folder, 'out/manifest.json')));
      }
      await putText('s3://corpus/taken/manifest.json', '{"kind":"something else"}');
      await expect(writeSelection(run, ranking, { keep: 0.5 }, 's3://corpus/taken', { format: 'rows' }, silent)).rejects.toMatchObject({ code: 'OUT_NOT_EMPTY' });
      expect(await readFile(join(folder, 'put'), 'utf8')).toContain('something else');
    });
  });
});
