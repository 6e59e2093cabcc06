// Targets that are test items, through the real commands: refused, or forced and on record from the index to
// the selection.

import { afterAll, beforeAll, beforeEach, describe, expect, jest } from '@jest/globals';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { betr } from './betr.ts';
import { errorOf, jsonl, makeProject, sentence, writeSettings } from './project.ts';
import { longTest } from '../long.ts';

jest.setTimeout(300_000);

let folder: string;
let bag: BagOfWords;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-force-'));
  bag = await openBagOfWords();
  await makeProject(folder, bag.url);
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

const fresh = Array.from({ length: 5 }, (_, i) => ({
  question: `How should I ${sentence('kitchen', 9000 + i)}?`,
  answer: 'at once',
}));
/** Examples 2 and 7 of the benchmark, in other letters, and one of the other benchmark's. */
const cooking = [2, 7].map((i) => ({
  question: `HOW do I  ${sentence('kitchen', 5000 + i)} …?`,
  answer: 'Slowly!',
}));
const astronomy = { question: `How do I ${sentence('space', 6003)}?`, answer: 'slowly' };

const testTargets = [
  { benchmark: 'cooking', examples: 2, first: expect.stringMatching(/^cooking\.jsonl#[27]$/) },
];
const recordSchema = z.object({ testTargets: z.array(z.unknown()).optional() });

async function recordIn(...path: string[]): Promise<unknown> {
  return recordSchema.parse(JSON.parse(await readFile(join(folder, ...path), 'utf8'))).testTargets;
}

const useTests = (cookingTests: string[], astronomyTests?: string[]): Promise<void> =>
  writeSettings(folder, bag.url, {
    benchmarks: [
      { name: 'cooking', files: ['cooking.jsonl'], tests: cookingTests },
      {
        name: 'astronomy',
        files: ['astronomy.jsonl'],
        ...(astronomyTests === undefined ? {} : { tests: astronomyTests }),
      },
    ],
  });

describe('targets that are test items', () => {
  beforeEach(async () => {
    await writeFile(join(folder, 'clean.jsonl'), jsonl(fresh));
    await writeFile(join(folder, 'leaky.jsonl'), jsonl([...fresh, ...cooking]));
  });

  longTest('are refused by index and run, which leave what there was as it was', async () => {
    await useTests(['clean.jsonl']);
    expect((await betr(folder, ['index'])).code).toBe(0);
    const before = await readFile(join(folder, 'run', 'index.json'), 'utf8');
    await useTests(['leaky.jsonl']);
    for (const command of ['index', 'run']) {
      const { code, stdout } = await betr(folder, [command, '--json']);
      expect(code).toBe(1);
      expect(errorOf(stdout)).toMatchObject({
        code: 'TARGETS_ARE_TESTS',
        message: expect.stringMatching(
          new RegExp(
            String.raw`^2 of the 10 examples of benchmark "cooking" are test items, ` +
              String.raw`the first \(cooking\.jsonl#[27], a test item of "cooking"\): "How do I .*--force-tests`,
          ),
        ),
      });
    }
    expect(await readFile(join(folder, 'run', 'index.json'), 'utf8')).toBe(before);
  });

  longTest("count whichever benchmark's tests they are in", async () => {
    await writeFile(join(folder, 'other.jsonl'), jsonl([...fresh, astronomy]));
    await useTests(['other.jsonl']);
    expect(errorOf((await betr(folder, ['index', '--json'])).stdout).message).toMatch(
      /^1 of the 10 examples of benchmark "astronomy" are test items.* a test item of "cooking"/,
    );
    await writeFile(
      join(folder, 'both.jsonl'),
      jsonl([astronomy, ...cooking, 'not json', { question: 'Why?' }]),
    );
    await useTests(['clean.jsonl'], ['both.jsonl']);
    expect(errorOf((await betr(folder, ['index', '--json'])).stdout)).toMatchObject({
      values: {
        benchmark: 'cooking',
        examples: 2,
        others: ['astronomy'],
        all: expect.arrayContaining([
          { benchmark: 'astronomy', example: 'astronomy.jsonl#3', tests: 'astronomy' },
        ]),
      },
      message: expect.stringMatching(/there are more in astronomy/),
    });
    expect(await readFile(join(folder, 'run', 'quarantine', 'index-tests.jsonl'), 'utf8')).toMatch(
      /both\.jsonl/,
    );
  });

  longTest('are on record where they are forced, until they are no longer there', async () => {
    await useTests(['leaky.jsonl']);
    const asked = bag.texts.length;
    const forced = await betr(folder, ['run', '--force-tests']);
    expect(forced).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(
          String.raw`Note: Test items are among the targets because of --force-tests \(2 of "cooking"\)` +
            String.raw`[^]*Ranked [^]*Note: Test items`,
        ),
      ),
    });
    // The targets are the same as before: nothing was embedded anew but the text that tells how long vectors
    // are.
    expect(bag.texts.length).toBe(asked + 1);
    expect((await betr(folder, ['rank', '--scorer', 'random'])).code).toBe(0);
    expect((await betr(folder, ['rank', '--scorer', 'dsir'])).code).toBe(0);
    expect((await betr(folder, ['select', '--keep', '0.1', '--out', 'chosen'])).code).toBe(0);
    expect(
      (await betr(folder, ['select', '--keep', '0.1', '--scorer', 'random', '--out', 'chance'])).code,
    ).toBe(0);
    for (const path of [
      ['run', 'index.json'],
      ['run', 'classifier', 'card.json'],
      ['run', 'ranking.json'],
      ['run', 'rankings', 'dsir', 'ranking.json'],
      ['chosen', 'manifest.json'],
    ])
      expect(await recordIn(...path)).toEqual(testTargets);
    for (const path of [
      ['run', 'rankings', 'random', 'ranking.json'],
      ['chance', 'manifest.json'],
    ])
      expect(await recordIn(...path)).toBeUndefined();
    const evaluated = await betr(folder, ['evaluate', '--keep', '10%', '--words', '2k']);
    expect(evaluated.stdout).toMatch(/Note: betr: Test items are among the targets/);
    expect(evaluated.stdout).not.toMatch(/Note: random/);
    expect(await readFile(join(folder, 'run', 'evaluation', 'report.html'), 'utf8')).toContain(
      '<p class="bad">betr: Test items',
    );
    expect((await betr(folder, ['index', '--force-tests'])).stdout).toMatch(/^The index is up to date/);
    expect(errorOf((await betr(folder, ['index', '--json'])).stdout).code).toBe('TARGETS_ARE_TESTS');

    await useTests(['clean.jsonl']);
    expect((await betr(folder, ['run'])).code).toBe(0);
    expect(await recordIn('run', 'index.json')).toEqual([]);
    expect(await recordIn('run', 'ranking.json')).toBeUndefined();
    expect((await betr(folder, ['select', '--keep', '0.1', '--out', 'chosen'])).code).toBe(0);
    expect(await recordIn('chosen', 'manifest.json')).toBeUndefined();
    expect((await betr(folder, ['index'])).stdout).toMatch(/^The index is up to date/);
  });

  longTest('are all of them where a benchmark names one file twice, by whatever name', async () => {
    await rm(join(folder, 'link.jsonl'), { force: true });
    await symlink(join(folder, 'cooking.jsonl'), join(folder, 'link.jsonl'));
    await cp(join(folder, 'cooking.jsonl'), join(folder, 'copy.jsonl'));
    for (const [file, says] of [
      ['cooking.jsonl', 'is also one of its tests'],
      ['link.jsonl', 'has the same content as link.jsonl'],
      ['copy.jsonl', 'has the same content as copy.jsonl'],
    ] as const) {
      await useTests(['clean.jsonl', file]);
      const { code, stdout } = await betr(folder, ['index', '--json']);
      expect(code).toBe(2);
      expect(errorOf(stdout)).toMatchObject({
        code: 'TESTS_ARE_FILES',
        message: expect.stringContaining(`cooking.jsonl, one of its files, ${says}`),
      });
    }
    expect((await betr(folder, ['index', '--force-tests'])).code).toBe(0);
    expect(await recordIn('run', 'index.json')).toMatchObject([{ benchmark: 'cooking', examples: 10 }]);
  });
});
