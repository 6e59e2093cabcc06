// `betr index` with bad input fails with an error that names it, and leaves nothing half-written.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../../../data/files/lock.ts';
import { silent } from '../../../run/progress.ts';
import { openRun } from '../../../run/run.ts';
import { runIndex } from '../../../indexer/index.ts';
import { type BagOfWords, openBagOfWords } from '../../indexer/bag-of-words.ts';
import { betr } from '../betr.ts';
import { errorOf, jsonl, makeProject } from '../project.ts';
import { someOf } from '../../long.ts';
import { documents } from './input.ts';
import { badSettings } from './settings.ts';
import { badShards } from './shards.ts';

jest.setTimeout(300_000);

let root: string;
let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-bad-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

const cases = [...badShards, ...badSettings];
let projects = 0;

async function smallProject(): Promise<string> {
  const folder = join(root, `p${projects++}`);
  await makeProject(folder, bag.url, { shards: { 'a.jsonl': jsonl(documents) } });
  return folder;
}

/** The files of a run without its vectors, which are complete and kept on purpose. */
async function listRun(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'run'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('vectors'))
    .map(({ name }) => name)
    .sort();
}

/** A failed `betr index` leaves only complete files, which the next one reuses, and nothing that marks an index. */
async function expectNothingHalf(folder: string): Promise<void> {
  const files = await listRun(folder);
  expect(files.filter((name) => name.startsWith('.') || name.endsWith('.tmp') || name === 'lock')).toEqual(
    [],
  );
  expect(files).not.toContain('index.json');
  expect(files).not.toContain('targets.parquet');
}

/** Runs `betr index` in this process. */
async function index(folder: string): Promise<Awaited<ReturnType<typeof runIndex>>> {
  const run = await openRun(join(folder, 'betr.yaml'));
  return withLock(run, () => runIndex(run, silent));
}

describe('betr index', () => {
  it.each(someOf(cases, 9))(
    'reports %s, leaves nothing half-written, and works after a fix',
    async (_what, damage, exitCode, code, sentence) => {
      const folder = await smallProject();
      await damage(folder, bag.url);
      await expect(index(folder)).rejects.toMatchObject({
        code,
        exitCode,
        message: expect.stringMatching(sentence),
      });
      await expectNothingHalf(folder);
      for (const name of await readdir(join(folder, 'corpus')))
        if (name !== 'a.jsonl') await rm(join(folder, 'corpus', name));
      await makeProject(folder, bag.url, { shards: { 'a.jsonl': jsonl(documents) } });
      expect(await index(folder)).toMatchObject({ corpus: { documents: documents.length }, fresh: false });
      expect(await listRun(folder)).toContain('index.json');
    },
  );

  it.each(
    cases.filter(([what]) =>
      ['half a zst', 'a Parquet without the column', 'a typo in betr.yaml'].includes(what),
    ),
  )('reports %s by its exit code, as text and as JSON', async (_what, damage, exit, code, sentence) => {
    const folder = await smallProject();
    await damage(folder, bag.url);
    const { code: ended, stdout, stderr } = await betr(folder, ['index', '--json']);
    expect(errorOf(stdout)).toMatchObject({ code, message: expect.stringMatching(sentence) });
    expect(ended).toBe(exit);
    expect(stderr).toContain(`[${code}]`);
    expect(stderr).not.toMatch(/\n {4}at /);
    await expectNothingHalf(folder);
  });
});
