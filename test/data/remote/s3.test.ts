// Against s3rver, a real S3 server that checks credentials, in its own process on loopback.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';
import type { Run } from '../../../run/run.ts';
import { forgetClient } from '../../../data/remote/s3-client.ts';
import { listShards } from '../../../data/shards.ts';
import { readTexts } from '../../../data/texts.ts';
import { type Ranking } from '../../../ranking/generation.ts';
import { publishRanking } from '../../../ranking/publish.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { openShard } from '../../../ranking/shards.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { silent } from '../../../run/progress.ts';
import { makeTrainedRun } from '../../classifier/trained-run.ts';
import { withRun, writeParts } from '../../ranking/synthetic.ts';
import { freePort } from '../../free-port.ts';
import { until } from '../../until.ts';
import { readAll, withFolder } from '../collect.ts';
import { openStore } from '../../../data/remote/open.ts';
import { sha256File } from '../../../data/files/hash-files.ts';

const program = join(import.meta.dirname, '../../../../node_modules/s3rver/bin/s3rver.js');
let folder: string;
let server: ChildProcess;
const outer = { ...process.env };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-s3-'));
  const port = await freePort();
  server = spawn(
    process.execPath,
    [
      program,
      '--address',
      '127.0.0.1',
      '--port',
      String(port),
      '--directory',
      join(folder, 'store'),
      '--configure-bucket',
      'corpus',
      '--no-vhost-buckets',
      '--silent',
    ],
    { stdio: 'ignore' },
  );
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  await until(() => answers(port), { what: 'that s3rver answers', everyMs: 100, seconds: 50 });
  await putText('s3://corpus/web/a.jsonl', '{"id":"a","text":"first"}\n{"id":"b","text":"second"}\n');
  await putText('s3://corpus/web/deep/b.jsonl', '{"id":"c","text":"third"}\n');
  await putText('s3://corpus/web/notes.txt', 'not a shard');
});

afterAll(async () => {
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, outer);
  forgetClient();
  server.kill();
  await once(server, 'exit');
  await rm(folder, { recursive: true, force: true });
});

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}

async function putText(url: string, text: string): Promise<void> {
  await writeFile(join(folder, 'put'), text);
  await (await openStore(url)).put(join(folder, 'put'), url);
}

describe('a corpus in S3', () => {
  it('is listed by globs and by names', async () => {
    const shards = await listShards(['s3://corpus/web/**/*.jsonl'], '/');
    expect(shards.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['s3://corpus/web/a.jsonl', 53],
      ['s3://corpus/web/deep/b.jsonl', 26],
    ]);
    expect(
      (await listShards(['s3://corpus/web/*.jsonl', 's3://corpus/web/a.jsonl'], '/')).map(({ name }) => name),
    ).toEqual(['s3://corpus/web/a.jsonl']);
    await expect(listShards(['s3://corpus/none/*.jsonl'], '/')).rejects.toMatchObject({ code: 'NO_FILES' });
    await expect(listShards(['s3://corpus/none.jsonl'], '/')).rejects.toMatchObject({
      code: 'REMOTE_NOT_FOUND',
    });
    await expect(listShards(['s3://corpus'], '/')).rejects.toMatchObject({
      code: 'REMOTE_NOT_FOUND',
      message: expect.stringContaining('s3://BUCKET/KEY'),
    });
    await expect(listShards(['s3://elsewhere/*.jsonl'], '/')).rejects.toMatchObject({
      code: 'REMOTE_NOT_FOUND',
      message: expect.stringContaining('NoSuchBucket'),
    });
  });

  it('takes special characters in a key literally', async () => {
    const names = ['h#1.jsonl', 'q.jsonl?v=1.jsonl', 'q.jsonl?v=2.jsonl'].map(
      (name) => `s3://corpus/odd/${name}`,
    );
    for (const name of names) await putText(name, JSON.stringify({ id: name, text: name }));
    expect((await listShards(['s3://corpus/odd/*.jsonl'], '/')).map(({ name }) => name)).toEqual(names);
    for (const name of names) expect((await readAll(name)).documents.map(({ text }) => text)).toEqual([name]);
  });

  it('is read line by line and column by column', async () => {
    expect(
      (await readAll('s3://corpus/web/a.jsonl')).documents.map(({ document, text }) => [document, text]),
    ).toEqual([
      ['a', 'first'],
      ['b', 'second'],
    ]);
    const path = join(folder, 'a.parquet');
    await withDuckDb({}, (connection) =>
      connection.run(
        `COPY (SELECT 'k' || i AS id, 'text ' || i AS text FROM range(3000) AS t(i)) TO '${path}' (FORMAT parquet)`,
      ),
    );
    await (await openStore('s3://corpus/a.parquet')).put(path, 's3://corpus/a.parquet');
    expect(await sha256File('s3://corpus/a.parquet')).toBe(await sha256File(path));
    expect(await readAll('s3://corpus/a.parquet')).toEqual(await readAll(path));
  });

  it('is ranked in place, and provides texts as long as it is unchanged', async () => {
    await withFolder(async (own) => {
      await putText('s3://corpus/ranked/a.jsonl', '{"id":"a","text":"first"}\n{"id":"b","text":"second"}\n');
      const run = await makeTrainedRun(own, { files: ['s3://corpus/ranked/*.jsonl'] });
      const { ranking } = await rankCorpus(run, silent);
      expect(ranking.documents).toBe(2);
      expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
      const texts = [];
      for await (const { text } of readTexts(
        await openShard(run, ranking, 's3://corpus/ranked/a.jsonl'),
        run.settings.corpus.fields,
        [1],
      ))
        texts.push(Buffer.from(text).toString());
      expect(texts).toEqual(['second']);
      await putText('s3://corpus/ranked/a.jsonl', '{"id":"a","text":"another"}\n');
      await expect(openShard(run, ranking, 's3://corpus/ranked/a.jsonl')).rejects.toMatchObject({
        code: 'SHARD_CHANGED',
      });
    });
  });

  it('reports denied access without the secret', async () => {
    await writeFile(
      join(folder, 'denied.mjs'),
      `import { listShards } from ${JSON.stringify(join(import.meta.dirname, '../../../data/shards.js'))};
       await listShards(['s3://corpus/web/*.jsonl'], '/').catch((error) => console.log(error.code, error.message));`,
    );
    const child = spawn(process.execPath, [join(folder, 'denied.mjs')], {
      env: { ...process.env, AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'wrongsecret' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => (said += piece.toString()));
    await once(child, 'close');
    expect(said).toMatch(/^REMOTE_DENIED .*s3:\/\/corpus\/web/);
    expect(said).not.toContain('wrongsecret');
  });
});

async function withSelectable(use: (run: Run, ranking: Ranking) => Promise<void>): Promise<void> {
  await withRun(async (run) => {
    const rows = [1, 2, 3, 4].map((row) => ({
      shard: 'a.jsonl',
      row,
      document: `d${row}`,
      source: 'web',
      tokens: 10,
      score: row,
    }));
    await use(
      run,
      await publishRanking(run, await writeParts(run, rows), {
        outputs: ['joint', 'sums'],
        sha256: 'f'.repeat(64),
      }),
    );
  });
}

describe('a selection at an address', () => {
  it('is uploaded file by file, the manifest last, and replaces an earlier one', async () => {
    await withSelectable(async (run, ranking) => {
      const here = await writeSelection(
        run,
        ranking,
        { keep: 0.5 },
        join(folder, 'out'),
        { format: 'rows' },
        silent,
      );
      for (let times = 0; times < 2; times++) {
        expect(
          await writeSelection(run, ranking, { keep: 0.5 }, 's3://corpus/out/', { format: 'rows' }, silent),
        ).toEqual(here);
        expect(await sha256File('s3://corpus/out/selection.parquet')).toBe(here.files[0]?.sha256);
        expect(await sha256File('s3://corpus/out/manifest.json')).toBe(
          await sha256File(join(folder, 'out/manifest.json')),
        );
      }
      await putText('s3://corpus/taken/manifest.json', '{"kind":"something else"}');
      await expect(
        writeSelection(run, ranking, { keep: 0.5 }, 's3://corpus/taken', { format: 'rows' }, silent),
      ).rejects.toMatchObject({ code: 'OUT_NOT_EMPTY' });
      expect(await readFile(join(folder, 'put'), 'utf8')).toContain('something else');
    });
  });

  it('keeps files that are not part of a selection, and removes all of an earlier one', async () => {
    await withSelectable(async (run, ranking) => {
      await putText('s3://corpus/used/notes.txt', 'mine');
      await expect(
        writeSelection(run, ranking, { keep: 0.5 }, 's3://corpus/used', { format: 'rows' }, silent),
      ).rejects.toMatchObject({ code: 'OUT_NOT_EMPTY', message: expect.stringContaining('used/notes.txt') });
      await expect(
        writeSelection(run, ranking, { keep: 0.5 }, 's3://elsewhere/out', { format: 'rows' }, silent),
      ).rejects.toMatchObject({ code: 'REMOTE_NOT_FOUND' });
      await putText('s3://corpus/again/documents/old.jsonl', '{}');
      await putText(
        's3://corpus/again/manifest.json',
        '{"kind":"betr selection","unfinished":true,"files":[{"file":"documents/old.jsonl"},' +
          '{"file":"selection.parquet"},{"file":"documents/never-came.jsonl"}]}',
      );
      const { files } = await writeSelection(
        run,
        ranking,
        { keep: 0.5 },
        's3://corpus/again',
        { format: 'rows' },
        silent,
      );
      const store = await openStore('s3://corpus/');
      expect((await store.list('s3://corpus/again/**')).map(({ url }) => url).sort()).toEqual(
        ['manifest.json', ...files.map(({ file }) => file)].map((file) => `s3://corpus/again/${file}`),
      );
    });
  });
});
