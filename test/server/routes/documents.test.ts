import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shardsOf } from '../../../scoring/shard-changes.ts';
import { type Listening, serveRun } from '../../../server/listen.ts';
import { documentsAnswerSchema, type DocumentsAnswer } from '../../../server/routes/documents.ts';
import { makeRankedRun, type RealRun } from '../real-run.ts';
import { ask, type Reply } from '../serve.ts';

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
async function list(parameters: string): Promise<DocumentsAnswer> {
  const reply = await get(`/documents?${parameters}`);
  expect(reply).toMatchObject({ status: 200 });
  return documentsAnswerSchema.parse(reply.json);
}

function textOf(shard: string, row: number): string | undefined {
  return real.shards.get(shard)?.[row]?.text;
}

describe('GET /documents', () => {
  it('gives the texts of every format of shard, as they stand in the corpus', async () => {
    const { documents, cutoff } = await list('order=random&seed=3&limit=100&characters=2000');
    expect(cutoff).toBeNull();
    const shown = documents?.documents ?? [];
    expect(shown).toHaveLength(100);
    expect(new Set(shown.map(({ shard }) => shard)).size).toBe(4);
    for (const { shard, row, text, truncated, textBytes, document, problem, kept } of shown) {
      const expected = textOf(shard, row);
      expect(text).toBe(expected);
      expect({ truncated, textBytes, problem, kept }).toEqual({
        truncated: false,
        textBytes: Buffer.byteLength(expected ?? ''),
        problem: null,
        kept: null,
      });
      expect(document).toBe(real.shards.get(shard)?.[row]?.id);
    }
  });

  it('cuts texts at whole characters, and reads none where none is wanted', async () => {
    const { documents } = await list('limit=5&characters=17');
    for (const { shard, row, text, truncated } of documents?.documents ?? []) {
      expect(textOf(shard, row)?.startsWith(text ?? '?')).toBe(true);
      expect([text?.length, truncated]).toEqual([17, true]);
    }
    const emoji = documents?.documents[0];
    const at = textOf(emoji?.shard ?? '', emoji?.row ?? 0)?.indexOf('🙂') ?? -1;
    expect(at).toBeGreaterThan(0);
    expect((await list(`limit=1&characters=${at + 1}`)).documents?.documents[0]?.text).toHaveLength(at);
    expect(
      (await list('limit=2&characters=0')).documents?.documents.map(({ text, textBytes }) => [
        text,
        textBytes,
      ]),
    ).toEqual([
      ['', null],
      ['', null],
    ]);
  });

  it('shows both sides of the cutoff, and goes on from there', async () => {
    const first = await list('near=cutoff&keep=0.3&limit=10');
    const [kept, dropped] = [first.kept?.documents ?? [], first.dropped?.documents ?? []];
    expect([kept.length, dropped.length]).toEqual([10, 10]);
    expect(kept[0]?.score).toBe(first.cutoff?.score);
    expect(kept.every((document) => document.kept)).toBe(true);
    expect(dropped.some((document) => document.kept)).toBe(false);
    expect(Math.max(...dropped.map(({ score }) => score))).toBeLessThanOrEqual(
      Math.min(...kept.map(({ score }) => score)),
    );
    const on = await list(`near=cutoff&keep=0.3&limit=10&side=dropped&cursor=${first.dropped?.next ?? ''}`);
    expect(on.kept).toBeUndefined();
    expect(on.dropped?.documents[0]?.score).toBeLessThanOrEqual(dropped.at(-1)?.score ?? -1);
    const keyOf = ({ shard, row }: { shard: string; row: number }): string => `${shard}#${row}`;
    expect(new Set([...dropped, ...(on.dropped?.documents ?? [])].map(keyOf)).size).toBe(20);
  });

  it('orders by a benchmark of its own, and by source', async () => {
    const { documents } = await list('benchmark=astronomy&limit=30&keep=0.5');
    const shown = documents?.documents ?? [];
    const scores = shown.map(({ benchmarks }) => benchmarks['astronomy'] ?? NaN);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(shown.filter(({ source }) => source === 'space').length).toBeGreaterThan(25);
    const sport = await list('source=sport&order=bottom&limit=100');
    expect(sport.documents?.documents.every(({ source }) => source === 'sport')).toBe(true);
  });

  it.each([
    ['near=cutoff', 'USAGE', 'near=cutoff needs a cutoff'],
    ['near=cutoff&keep=0.1&order=top', 'USAGE', 'Give near or order, not both'],
    ['near=cutoff&keep=0.1&cursor=x', 'USAGE', 'side=kept'],
    ['side=kept', 'USAGE', 'near=cutoff'],
    ['order=best', 'OPTION_INVALID', 'top, bottom, random'],
    ['limit=0', 'OPTION_INVALID', '1 to 100'],
    ['limit=1e2', 'OPTION_INVALID', '"1e2"'],
    ['seed=-1', 'OPTION_INVALID', '"-1"'],
    ['cursor=abc', 'OPTION_INVALID', '"abc"'],
    ['source=poems', 'OPTION_INVALID', 'kitchen'],
    ['benchmark=mmlu', 'OPTION_INVALID', 'cooking'],
    ['budget=-1', 'BUDGET_INVALID', '"-1"'],
  ])('refuses %s with %s', async (parameters, code, words) => {
    const reply = await get(`/documents?${parameters}`);
    expect(reply).toMatchObject({ status: 400, json: { code } });
    expect(reply.json).toHaveProperty('detail', expect.stringContaining(words));
  });

  it('says of each document whose shard has changed since the ranking that it has, and shows the others', async () => {
    const changed = 'corpus/part-0.jsonl';
    const path = join(real.run.settingsFolder, changed);
    await appendFile(path, '{"id": "new", "text": "later"}\n');
    const { documents } = await list('order=random&limit=100');
    for (const { shard, text, problem } of documents?.documents ?? []) {
      if (shard === changed) expect([text, problem?.code]).toEqual([null, 'SHARD_CHANGED']);
      else expect([typeof text, problem]).toEqual(['string', null]);
    }
    expect(await get(`/documents/${encodeURIComponent(changed)}/0/why`)).toMatchObject({
      status: 409,
      json: { code: 'SHARD_CHANGED' },
    });
    await rm(path);
    const gone = await list('order=random&limit=100');
    expect(gone.documents?.documents.find(({ shard }) => shard === changed)?.problem?.code).toBe(
      'FILE_NOT_FOUND',
    );
  });

  it('is not fooled by another file of the same length and time', async () => {
    const path = join(real.run.settingsFolder, 'corpus/part-1.jsonl.gz');
    const part = (await import('../../../ranking/generation.ts'))
      .readRanking(real.run)
      .then(({ parts }) => shardsOf(parts).find(({ name }) => name === 'corpus/part-1.jsonl.gz'));
    const { bytes = 0, modifiedMs = 0 } = (await part) ?? {};
    await writeFile(path, Buffer.alloc(bytes, 1));
    await utimes(path, new Date(modifiedMs), new Date(modifiedMs));
    const reply = await get(`/documents/${encodeURIComponent('corpus/part-1.jsonl.gz')}/150/why`);
    expect([409, 500]).toContain(reply.status);
    expect(reply.json).toHaveProperty('code', expect.stringMatching(/FILE_UNREADABLE|SHARD_CHANGED/));
  });
});
