import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { scoreSlowly } from '../../../classifier/features.ts';
import { readWeights } from '../../../classifier/weights.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { shardId } from '../../../ranking/shards.ts';
import { betr } from '../../cli/betr.ts';
import type { Ended } from '../../cli/project.ts';
import { makeRankedRun, type RealRun } from '../real-run.ts';
import { ask, type Reply } from '../serve.ts';
import { type Why, whySchema } from '../../../ranking/why/why.ts';

let real: RealRun;
let server: Listening;
beforeAll(async () => {
  real = await makeRankedRun();
  server = await serveRun(real.run, { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await server.stop(0);
  await real.close();
});

const get = (path: string): Promise<Reply> => ask(server.url, path);
async function why(shard: string, row: number, parameters = ''): Promise<Why> {
  const reply = await get(`/documents/${encodeURIComponent(shard)}/${row}/why${parameters}`);
  expect(reply).toMatchObject({ status: 200 });
  return whySchema.parse(reply.json);
}

describe('GET /documents/{shard}/{row}/why', () => {
  it('explains the very score of the ranking, with places in the text, in every format of shard', async () => {
    const weights = await readWeights(real.run.files.weights);
    for (const [shard, documents] of real.shards) {
      const row = 77;
      const { document, explanation, text, truncated, textBytes } = await why(shard, row);
      expect(text).toBe(documents[row]?.text);
      expect([truncated, textBytes]).toEqual([false, Buffer.byteLength(text)]);
      expect(explanation.score).toBe(document.score);
      expect(explanation.score).toBe(scoreSlowly(weights, Buffer.from(text))[0]);
      const shown = [...explanation.up, ...explanation.down];
      expect(shown.reduce((sum, { weight }) => sum + weight, explanation.others.weight)).toBe(
        explanation.weight,
      );
      expect(shown.length).toBeGreaterThan(3);
      for (const { ngram, places } of shown) {
        for (const { characters, bytes } of places) {
          expect(text.slice(...characters)).toBe(
            Buffer.from(text)
              .subarray(...bytes)
              .toString(),
          );
          expect(text.slice(...characters).replace(/\s+/g, ' ')).toBe(ngram);
        }
      }
    }
  });

  it('explains the score of a benchmark of its own', async () => {
    const { document, explanation } = await why(
      'corpus/part-2.jsonl.zst',
      4,
      '?benchmark=astronomy&ngrams=2',
    );
    expect(explanation).toMatchObject({ output: 'astronomy', score: document.benchmarks['astronomy'] });
    expect(explanation.up.length).toBeLessThanOrEqual(2);
    expect(document.score).not.toBe(explanation.score);
  });

  it('tells the place in the ranking, whether a cutoff keeps the document, and the nearest examples', async () => {
    const listed = z.object({
      documents: z.object({
        documents: z.array(
          z.object({ shard: z.string(), shardId: z.string(), row: z.number(), source: z.string() }),
        ),
      }),
    });
    const { documents } = listed.parse(
      (await get('/documents?order=top&limit=3&characters=0')).json,
    ).documents;
    for (const [at, { shard, row, shardId: id }] of documents.entries()) {
      const answer = await why(id, row, '?keep=0.1&examples=4');
      expect(answer.document).toMatchObject({ shard, row, kept: true });
      expect(answer.place).toMatchObject({ rank: at + 1, of: 800 });
      expect(answer.cutoff?.ofDocuments).toBe(800);
      if (!answer.nearest.available) throw new Error(answer.nearest.reason);
      expect(answer.nearest.examples).toHaveLength(4);
      const wanted = answer.document.source === 'kitchen' ? 'cooking' : 'astronomy';
      if (answer.document.source !== 'sport') expect(answer.nearest.examples[0]?.benchmark).toBe(wanted);
    }
    const [worst] = listed.parse((await get('/documents?order=bottom&limit=1&characters=0')).json).documents
      .documents;
    const last = await why(worst?.shard ?? '', worst?.row ?? 0, '?keep=0.1');
    expect([last.place.rank, last.document.kept, last.place.percentile]).toEqual([800, false, 0]);
    expect((await why(worst?.shard ?? '', worst?.row ?? 0)).document.kept).toBeNull();
  });

  it('accepts shards of the ranking only, by name or id', async () => {
    expect((await why(shardId('corpus/part-3.parquet'), 9)).document.shard).toBe('corpus/part-3.parquet');
    const names = [
      '..',
      '../betr.yaml',
      '../../etc/passwd',
      '/etc/passwd',
      'betr.yaml',
      'run/ranking.json',
      'corpus/../corpus/part-0.jsonl',
      './corpus/part-0.jsonl',
      'corpus/part-0.jsonl/',
      'part-0.jsonl',
      'x\0y',
      '%2e%2e',
    ];
    for (const name of names)
      expect(await get(`/documents/${encodeURIComponent(name)}/0/why`)).toMatchObject({ status: 404 });
    for (const name of names.slice(1, 7))
      expect(await get(`/documents/${encodeURIComponent(name)}/0/why`)).toMatchObject({
        json: { code: 'SHARD_UNKNOWN' },
      });
    // As raw as a client can send it: nothing is resolved before the route is chosen.
    expect((await get('/documents/..%2f..%2fetc%2fpasswd/0/why')).json).toMatchObject({
      code: 'SHARD_UNKNOWN',
    });
    expect((await get('/documents/%ff/0/why')).status).toBe(400);
    const name = encodeURIComponent('corpus/part-0.jsonl');
    expect(await get(`/documents/${name}/200/why`)).toMatchObject({
      status: 404,
      json: { code: 'DOCUMENT_UNKNOWN' },
    });
    for (const row of ['-1', '1.5', 'NaN', '99999999999999999999', '1;--'])
      expect(await get(`/documents/${name}/${row}/why`)).toMatchObject({
        status: 400,
        json: { code: 'OPTION_INVALID' },
      });
    expect(await get(`/documents/${name}/0/why?benchmark=mmlu`)).toMatchObject({
      status: 400,
      json: { code: 'OPTION_INVALID' },
    });
  });

  it('says why the nearest examples are not there, and explains all the same', async () => {
    await copyFile(real.run.files.indexCard, `${real.run.files.indexCard}.kept`);
    await rm(real.run.files.indexCard);
    const { nearest, explanation } = await why('corpus/part-0.jsonl', 1);
    expect(nearest).toEqual({ available: false, reason: expect.stringContaining('betr index') });
    expect(explanation.ngrams).toBeGreaterThan(0);
    await copyFile(`${real.run.files.indexCard}.kept`, real.run.files.indexCard);
    expect((await why('corpus/part-0.jsonl', 1)).nearest.available).toBe(true);
  });
});

describe('betr why', () => {
  it('gives the same answer as the route, and one for people', async () => {
    const run = (...parameters: string[]): Promise<Ended> =>
      betr(real.run.settingsFolder, ['why', ...parameters]);
    const json = await run('corpus/part-1.jsonl.gz', '31', '--keep', '0.2', '--json');
    expect(JSON.parse(json.stdout)).toEqual(await why('corpus/part-1.jsonl.gz', 31, '?keep=0.2'));
    const { stdout } = await run('corpus/part-1.jsonl.gz', '31');
    expect(stdout).toContain('rank');
    expect(stdout).toContain('+');
    expect(await run('corpus/nothing.jsonl', '31')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SHARD_UNKNOWN'),
    });
    expect(await run('corpus/part-1.jsonl.gz', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('OPTION_INVALID'),
    });
  });
});

describe('a classifier that is not the one of the ranking', () => {
  it('explains nothing', async () => {
    // The server that has the old one in memory goes on; a new one notices.
    await writeFile(real.run.files.weights, 'another');
    const other = await serveRun(real.run, { host: '127.0.0.1', port: 0 });
    try {
      expect(
        await ask(other.url, `/documents/${encodeURIComponent('corpus/part-0.jsonl')}/1/why`),
      ).toMatchObject({ status: 409, json: { code: 'CLASSIFIER_CHANGED' } });
      expect((await why('corpus/part-0.jsonl', 1)).explanation.ngrams).toBeGreaterThan(0);
    } finally {
      await other.stop(0);
    }
  });
});
