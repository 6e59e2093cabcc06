import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { settingsToShow } from '../../run/settings.ts';
import { parseSettings, readSettings } from '../../run/read-settings.ts';
import { withFolder } from '../data/collect.ts';

const minimal = 'corpus: {files: [corpus/*.jsonl]}\nbenchmarks: [{name: arc, files: [arc.jsonl]}]\n';

describe('settings', () => {
  it('fills in the defaults', () => {
    const settings = parseSettings(minimal, 'betr.yaml');
    expect(settings.corpus.fields).toEqual({ id: 'id', text: 'text', source: 'source', tokens: 'tokens' });
    expect(settings.keep).toEqual({
      pool: 'nemotron-cc',
      tokensPerParam: 11,
      maxEpochs: 4,
      budgets: [1e20, 1e21, 1e22],
    });
  });

  it('are found by their file, its folder, and the run folder beside it', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'betr.yaml');
      await mkdir(join(folder, 'run'));
      await expect(readSettings(join(folder, 'run'))).rejects.toMatchObject({
        code: 'SETTINGS_NOT_FOUND',
        message: expect.stringContaining(join(folder, 'run', 'betr.yaml')),
      });
      await writeFile(path, minimal);
      for (const named of [path, folder, join(folder, 'run')])
        expect(await readSettings(named)).toMatchObject({ path, folder });
    });
  });

  it('are shown without secrets in addresses', () => {
    const settings = parseSettings(
      'corpus: {files: ["https://me:pw@example.org/{a,b}.jsonl?signature=s", "s3://b/what?.jsonl", ' +
        '"odd?.jsonl"]}\nbenchmarks: [{name: arc, files: ' +
        '["https://example.org/arc.jsonl?signature=s"]}]\nworkers: 3\n',
      'betr.yaml',
    );
    const shown = settingsToShow(settings);
    expect(shown.corpus.files).toEqual([
      'https://example.org/{a,b}.jsonl',
      's3://b/what?.jsonl',
      'odd?.jsonl',
    ]);
    expect(shown.benchmarks[0]?.files).toEqual(['https://example.org/arc.jsonl']);
    expect({ ...shown, corpus: settings.corpus, benchmarks: settings.benchmarks, workers: 3 }).toEqual(
      settings,
    );
  });

  it('need no corpus if there are preference pairs', () => {
    const settings = parseSettings('pairs: [{name: a, files: [a.jsonl]}]', 'betr.yaml');
    expect(settings.corpus).toEqual({
      files: [],
      fields: { id: 'id', text: 'text', source: 'source', tokens: 'tokens' },
      windowMegabytes: 1024,
    });
    expect(settingsToShow(settings)).toEqual({ ...settings, workers: undefined, trainer: undefined });
    const chosen = (template: string): string =>
      `pairs: [{name: a, files: [a.jsonl], logProbabilities: {chosen: "${template}", rejected: r}}]`;
    expect(parseSettings(chosen('m{model}_{checkpoint}_chosen'), '').pairs[0]?.logProbabilities?.beta).toBe(
      0.01,
    );
    expect(() => parseSettings(chosen('{model}{model}'), '')).toThrow(/at most once each/);
    expect(() => parseSettings(chosen('{step}'), '')).toThrow(/no other braces/);
  });

  it.each([
    ['a typo in a key', `${minimal}kepe: {}`, /the file has the unknown field "kepe" \(known: .*keep/],
    [
      'a typo below',
      `${minimal}keep: {pol: x}`,
      /keep has the unknown field "pol" \(known: pool, tokensPerParam, maxEpochs/,
    ],
    [
      'an unknown pool',
      `${minimal}keep: {pool: c4}`,
      /keep\.pool is "c4", but it must be one of nemotron-cc, dclm-refinedweb/,
    ],
    [
      'a wrong type',
      `${minimal}sample: {documents: many}`,
      /sample\.documents is "many", but it must be a number/,
    ],
    [
      'a missing key',
      'benchmarks: [{name: arc, files: [a]}]',
      /corpus is missing; it must be an object with the fields files, fields, windowMegabytes/,
    ],
    [
      'a benchmark named twice',
      'corpus: {files: [a]}\nbenchmarks: [{name: arc, files: [a]}, {name: arc, files: [b]}]',
      /benchmarks\[1\]\.name is "arc", but it must be a name that no earlier benchmark has/,
    ],
    ['broken YAML', 'corpus: [', /betr\.yaml is not valid/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => parseSettings(text, 'betr.yaml')).toThrow(message);
  });
});
