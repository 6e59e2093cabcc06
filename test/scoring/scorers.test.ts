import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareScorer, rankingName, rankingRun } from '../../scoring/scorers/list.ts';
import { randomScore } from '../../scoring/scorers/random.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { plainShape, writeModel } from '../classifier/fasttext/write-model.ts';
import { openEmptyRun, scoreAll } from './scorer-run.ts';

let folder: string;
let run: Run;
beforeAll(async () => {
  ({ folder, run } = await openEmptyRun());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('random', () => {
  it('is the same for the same key and seed, and evenly spread', async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
    const scores = keys.map((key) => randomScore(key, 1));
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => scores.filter((score) => Math.floor(score * 10) === tenth).length,
    );
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(new Set(scores).size).toBeGreaterThan(19_900);
    expect(await scoreAll(run, 'random', ['a', 'b'], ['key-1', 'key-2'])).toEqual(scores.slice(1, 3));
    expect(await scoreAll(run, 'random:seed=2', ['a', 'b'], ['key-1', 'key-2'])).toEqual([
      randomScore('key-1', 2),
      randomScore('key-2', 2),
    ]);
    expect(randomScore('key-1', 2)).not.toBe(scores[1]);
  });
});

describe('length', () => {
  it("is the text's bytes", async () => {
    expect(await scoreAll(run, 'length', ['', 'abc', 'naïve'])).toEqual([0, 3, 6]);
  });
});

describe('fasttext', () => {
  it(
    'gives the probability of a label, which need not be named where it says of itself that it is the ' +
      'good one',
    async () => {
      writeModel(join(folder, 'two.bin'), plainShape);
      writeModel(join(folder, 'many.bin'), {
        ...plainShape,
        labels: ['__label__a', '__label__b', '__label__c'],
        loss: 'ova',
      });
      const [hq = 0] = await scoreAll(run, 'fasttext:two.bin', ['the naïve x']);
      const [cc = 0] = await scoreAll(run, 'fasttext:two.bin#cc', ['the naïve x']);
      expect(hq + cc).toBeCloseTo(1, 4);
      expect(await scoreAll(run, 'fasttext:two.bin#__label__hq', ['the naïve x'])).toEqual([hq]);
      await expect(prepareScorer(run, 'fasttext:many.bin', silent)).rejects.toMatchObject({
        code: 'FASTTEXT_LABEL',
        message: expect.stringMatching(/"a", "b", "c"/),
      });
      await expect(prepareScorer(run, 'fasttext:two.bin#none', silent)).rejects.toMatchObject({
        code: 'FASTTEXT_LABEL',
        message: expect.stringMatching(/no label "none"/),
      });
      await expect(prepareScorer(run, 'fasttext:gone.bin', silent)).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
      });
    },
  );
});

describe('the rankings of a run', () => {
  it("lie beside each other, the product's own in the run folder itself", () => {
    expect(rankingRun(run, 'betr')).toBe(run);
    const names = [
      'random',
      'random:seed=2',
      'length',
      'dsir',
      'dsir:smoothing=1',
      'fasttext:a/model.bin#hq',
      'fasttext:b/model.bin#hq',
      'fasttext:a/model.bin',
    ].map((scorer) => rankingName(run, scorer));
    expect(new Set(names).size).toBe(names.length);
    expect(rankingName(run, 'fasttext:./a/model.bin#hq')).toBe(rankingName(run, 'fasttext:a/model.bin#hq'));
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9.-]*$/);
    expect(rankingRun(run, 'random').files).toMatchObject({
      ranking: join(run.folder, 'rankings', 'random', 'ranking.json'),
      sample: run.files.sample,
    });
  });

  it('have scorers that exist, with options that exist', async () => {
    expect(() => rankingRun(run, 'magic')).toThrow(/no scorer "magic".*random\[:seed=N\]/);
    await expect(prepareScorer(run, 'random:speed=2', silent)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    await expect(prepareScorer(run, 'length:1', silent)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(prepareScorer(run, 'dsir:smoothing=much', silent)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });
});
