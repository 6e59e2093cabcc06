// Shards that break or change after the corpus was ranked.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BagOfWords, openBagOfWords } from '../../indexer/bag-of-words.ts';
import { betr } from '../betr.ts';
import { errorOf, jsonl, makeDocuments, makeProject } from '../project.ts';

jest.setTimeout(300_000);

let folder: string;
let bag: BagOfWords;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-later-'));
  bag = await openBagOfWords();
  await makeProject(folder, bag.url, { shards: { 'a.jsonl': jsonl(makeDocuments(600)) } });
  expect((await betr(folder, ['run'])).code).toBe(0);
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

describe('after a corpus was ranked', () => {
  it('a new shard that cannot be read fails the next ranking, and the published one stays', async () => {
    const published = await readFile(join(folder, 'run', 'ranking.json'));
    const shard = gzipSync(jsonl(makeDocuments(60)));
    await writeFile(join(folder, 'corpus', 'b.jsonl.gz'), shard.subarray(0, 300));
    const failed = await betr(folder, ['rank', '--json']);
    expect(failed.code).toBe(1);
    expect(errorOf(failed.stdout)).toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('b.jsonl.gz'),
    });
    expect((await readFile(join(folder, 'run', 'ranking.json'))).equals(published)).toBe(true);
    expect((await betr(folder, ['cutoff', '--keep', '0.5'])).code).toBe(0);
    await writeFile(join(folder, 'corpus', 'b.jsonl.gz'), shard);
    expect((await betr(folder, ['rank'])).stdout).toMatch(/Ranked 660 documents/);
  });

  it('documents are not copied from a changed shard', async () => {
    await writeFile(join(folder, 'corpus', 'a.jsonl'), `${jsonl(makeDocuments(600))}\n`);
    const args = ['select', '--keep', '0.5', '--format', 'documents', '--out', 'out', '--json'];
    expect(errorOf((await betr(folder, args)).stdout)).toMatchObject({ code: 'SHARD_CHANGED' });
    expect(await readdir(join(folder, 'out')).catch(() => [])).toEqual([]);
  });

  it('no selection is written to a folder with other files', async () => {
    await mkdir(join(folder, 'mine'));
    await writeFile(join(folder, 'mine', 'notes.txt'), 'mine');
    const refused = await betr(folder, ['select', '--keep', '0.5', '--out', 'mine', '--json']);
    expect(refused.code).toBe(2);
    expect(errorOf(refused.stdout)).toMatchObject({
      code: 'OUT_NOT_EMPTY',
      message: expect.stringContaining('notes.txt'),
    });
    expect(await readdir(join(folder, 'mine'))).toEqual(['notes.txt']);
  });
});
