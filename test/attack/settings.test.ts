import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../run/read-settings.ts';
import { listShards } from '../../data/shards.ts';

const settings = (more: Record<string, unknown>): string =>
  JSON.stringify({
    corpus: { files: ['*.jsonl'] },
    benchmarks: [{ name: 'a', files: ['a.jsonl'] }],
    ...more,
  });

describe('settings', () => {
  const bomb = (levels: number, width: number): string =>
    [
      'a0: &a0 x',
      ...Array.from(
        { length: levels },
        (_, i) => `a${i + 1}: &a${i + 1} [${Array<string>(width).fill(`*a${i}`).join(',')}]`,
      ),
    ].join('\n');

  it.each([
    ['aliases of aliases', bomb(20, 90)],
    ['aliases of aliases, few at a time', bomb(30, 2)],
    [
      '50,000 aliases',
      `x: &x [${Array<string>(100).fill('1').join(',')}]\ny: [${Array<string>(50_000).fill('*x').join(',')}]`,
    ],
    ['a key that is there twice', 'run: a\nrun: b\n'],
    ['two megabytes', `# ${'x'.repeat(2e6)}`],
    ['a megabyte of quotes', '"'.repeat(1e6)],
    ['128,000 quotes', '"'.repeat(128_000)],
    ['open brackets', '['.repeat(100_000)],
    ['maps in maps', '{a: '.repeat(30_000)],
    ['keys of keys', '? '.repeat(60_000)],
    ['lists of lists', '- '.repeat(60_000)],
    [
      'lists of lists on lines of their own',
      Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}-`).join('\n'),
    ],
    [
      '50,000 unknown keys',
      settings(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 1]))),
    ],
  ])('of %s are refused in a few words', (_name, text) => {
    const startedMs = performance.now();
    expect(() => parseSettings(text, 'betr.yaml')).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID', message: expect.stringMatching(/^[^]{10,2000}$/) }),
    );
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('may have aliases', () => {
    expect(
      parseSettings('corpus: {files: &files [a.jsonl]}\nbenchmarks: [{name: a, files: *files}]', 'betr.yaml')
        .benchmarks[0]?.files,
    ).toEqual(['a.jsonl']);
  });

  it.each<[string, Record<string, unknown>]>([
    ['keep.maxEpochs', { keep: { maxEpochs: 1e300 } }],
    ['keep.tokensPerParam', { keep: { tokensPerParam: 1e-300 } }],
    ['keep.budgets[0]', { keep: { budgets: [1e31] } }],
    ['drift.psi', { drift: { psi: 1e31 } }],
    ['scoring.beatSeconds', { scoring: { beatSeconds: 1e9, lostSeconds: 1e10 } }],
    ['sample.documents', { sample: { documents: 1e16 } }],
  ])('have no number beyond the bounds: %s', (key, more) => {
    expect(() => parseSettings(settings(more), 'betr.yaml')).toThrow(
      expect.objectContaining({ code: 'SETTINGS_INVALID', message: expect.stringContaining(key) }),
    );
  });
});

describe('a pattern', () => {
  it('of 30 stars is refused at once, and one of a few is not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'betr-glob-'));
    try {
      await writeFile(join(folder, `${'a'.repeat(100)}.jsonl`), '');
      await expect(listShards([`${'a*'.repeat(30)}b.jsonl`], folder)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
      expect(await listShards(['**/a*a*.*'], folder)).toHaveLength(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
