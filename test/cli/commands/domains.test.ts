// `betr domains` estimates domain weights from tables.

import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { csv, goldenTables } from '../../domains/tables.ts';
import { betr } from '../betr.ts';
import { betrPath, run } from '../project.ts';
import { longTest } from '../../long.ts';
import { errorOf, parse, shown } from './domains-output.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-cli-domains-'));
  await writeFile(join(folder, 'bpb.csv'), goldenTables.wide);
  await writeFile(join(folder, 'error.csv'), goldenTables.errors);
  await writeFile(join(folder, 'tokens.csv'), goldenTables.tokens);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('betr domains', () => {
  it('needs only the tables, and then writes nothing', async () => {
    const ended = await betr(folder, [
      'domains',
      '--losses',
      'bpb.csv',
      '--errors',
      'error.csv',
      '--tokens',
      'tokens.csv',
      '--keep-rate',
      '50%',
      '--json',
    ]);
    expect(ended.code).toBe(0);
    const result = parse(ended);
    expect(result).toMatchObject({ estimator: 'spearman', target: ['task'], models: 5 });
    expect(result.domains.map(({ domain, include }) => [domain, include])).toEqual([
      ['d1', true],
      ['d3', true],
      ['d2', false],
      ['d4', false],
    ]);
    expect(result.domains[0]?.weight).toBeCloseTo(0.8, 12);
    expect(result.warnings.join('\n')).toMatch(/Only 5 models/);
    await expect(access(join(folder, 'run'))).rejects.toThrow();
    const text = await betr(folder, [
      'domains',
      '--losses',
      'bpb.csv',
      '--errors',
      'error.csv',
      '--estimator',
      'sign_sign',
      '--weights',
      'l2',
      '--ties',
      'ordinal',
      '--resamples',
      '0',
      '--combine',
      'rank',
      '--repeat',
      '2',
      '--seed',
      '3',
    ]);
    expect(text.stdout).toMatch(/4 domains by sign_sign over 5 models; target: task/);
    expect(text.code).toBe(0);
  });

  longTest('prints all of a long result into a pipe that is read late', async () => {
    const models = [1, 2, 3, 4, 5];
    await writeFile(
      join(folder, 'many.csv'),
      csv([
        ['domain', ...models.map((model) => `m${model}`)],
        ...Array.from({ length: 600 }, (_, i) => [
          `domain-${i}`,
          ...models.map((model) => 1 + ((i * model) % 7) / 7),
        ]),
      ]),
    );
    await writeFile(
      join(folder, 'errors.csv'),
      csv([['model', 'task'], ...models.map((model) => [`m${model}`, model / 10])]),
    );
    const { stdout, code } = await run(
      'bash',
      [
        '-c',
        `set -o pipefail; "${process.execPath}" "${betrPath}" domains --losses many.csv --errors ` +
          'errors.csv --json | (sleep 3; cat)',
      ],
      folder,
    );
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(1 << 16);
    expect(shown.parse(JSON.parse(stdout)).domains).toHaveLength(600);
  });

  it.each([
    [['domains'], 2, 'SETTINGS_NOT_FOUND'],
    [['domains', '--losses', 'bpb.csv'], 2, 'USAGE'],
    [['domains', '--losses', 'bpb.csv', '--errors', 'error.csv', '--keep-rate', '2'], 2, 'OPTION_INVALID'],
    [['domains', '--losses', 'bpb.csv', '--errors', 'error.csv', '--resamples', 'many'], 2, 'OPTION_INVALID'],
    [['domains', '--losses', 'bpb.csv', '--errors', 'error.csv', '--benchmarks', 'arc'], 2, 'OPTION_INVALID'],
    [['domains', '--losses', 'bpb.csv', '--errors', 'none.csv'], 1, 'FILE_NOT_FOUND'],
    [
      ['domains', '--losses', 'bpb.csv', '--errors', 'error.csv', '--pages', 'pages.jsonl'],
      2,
      'SETTINGS_NOT_FOUND',
    ],
  ])('refuses %j with exit code %i', async (args, code, error) => {
    const ended = await betr(folder, [...args, '--json']);
    expect(ended.code).toBe(code);
    expect(errorOf(ended)).toBe(error);
  });
});
