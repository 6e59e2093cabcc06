import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRandom } from '../../data/seeded-random.ts';
import { openRun } from '../../run/run.ts';
import { readIndexCard } from '../../indexer/index-card.ts';
import { readRanking } from '../../ranking/generation.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { betrProcess, makeProject } from './project.ts';
import { longTest } from '../long.ts';
import { sha256File } from '../../data/files/hash-files.ts';

jest.setTimeout(600_000);

let root: string;
let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-kill-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

/** All that a run comes to, by hashes; times are no part of it. */
async function resultOf(folder: string): Promise<unknown> {
  const run = await openRun(join(folder, 'betr.yaml'));
  const { outputs, corpus, sample, ranks } = await readIndexCard(run);
  const ranking = { ...(await readRanking(run)), publishedAt: '' };
  const selection = await Promise.all(
    ['selection.parquet', 'manifest.json'].map((name) => sha256File(join(folder, 'out', name))),
  );
  return {
    outputs,
    corpus,
    sample,
    ranks,
    card: await sha256File(run.files.card),
    weights: await sha256File(run.files.weights),
    ranking,
    selection,
  };
}

async function listLeftovers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter(
      ({ name }) =>
        name.startsWith('.') ||
        name.includes('spill') ||
        name.includes('lock') ||
        name.includes('unfinished'),
    )
    .map(({ name }) => name);
}

longTest(
  'commands that are killed again and again come to the same bytes as ones that are left alone',
  async () => {
    const folder = join(root, 'project');
    await makeProject(folder, bag.url);
    const steps = ['index', 'train', 'rank', 'select --keep 0.3 --out out --format documents'].map(
      (command) => command.split(' '),
    );
    const wholeMs: number[] = [];
    for (const step of steps) {
      const { code, ms } = await betrProcess(folder, step);
      expect(code).toBe(0);
      wholeMs.push(ms);
    }
    const alone = await resultOf(folder);
    for (const name of ['run', 'out']) await rm(join(folder, name), { recursive: true });

    const random = openRandom(20260105);
    let killed = 0;
    for (const [i, step] of steps.entries()) {
      for (let attempt = 0; attempt < 3; attempt++) {
        // The first part of the time goes into starting, where there is nothing to break.
        const after = (0.25 + 0.6 * random()) * (wholeMs[i] ?? 0);
        const { code } = await betrProcess(folder, step, {}, { after, signal: 'SIGKILL' });
        if (code === null) killed++;
        // Whatever is there under its own name is whole, or says of itself that it is not.
        const manifest = await readFile(join(folder, 'out', 'manifest.json'), 'utf8').catch(
          () => '{"files":[]}',
        );
        expect(JSON.parse(manifest)).toMatchObject({ files: expect.any(Array) });
      }
      expect(await betrProcess(folder, step)).toMatchObject({ code: 0 });
    }
    // A machine that is suddenly faster finishes before the signal, and then there is nothing left of that
    // step to kill.
    expect(killed).toBeGreaterThan(0);
    expect(await resultOf(folder)).toEqual(alone);
    expect(await listLeftovers(join(folder, 'run'))).toEqual([]);
    expect(await listLeftovers(join(folder, 'out'))).toEqual([]);
  },
);
