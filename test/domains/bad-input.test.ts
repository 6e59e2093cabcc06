import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { csv, estimateFiles, golden, goldenTables } from './tables.ts';

const { wide, long, errors, tokens } = goldenTables;
const base = { 'losses.csv': wide, 'errors.csv': errors, 'tokens.csv': tokens };
const raw = csv([
  ['domain', 'model', 'loss', 'tokens', 'bytes'],
  ...golden.models.map((model) => ['d', model, 2, 10, 40]),
]);

type Case = [
  what: string,
  files: Record<string, string | Uint8Array>,
  settings: Record<string, unknown>,
  code: string,
  message: RegExp,
];
const cases: Case[] = [
  [
    'no common model',
    {
      'errors.csv': csv([
        ['benchmark', 'x', 'y', 'z'],
        ['task', 0.1, 0.2, 0.3],
      ]),
    },
    {},
    'MODELS_UNMATCHED',
    /losses\.csv \(which has "m1"\) .*errors\.csv \(which has "x"\)/,
  ],
  [
    'only two models',
    {
      'errors.csv': csv([
        ['benchmark', 'm1', 'm2'],
        ['task', 0.1, 0.2],
      ]),
    },
    {},
    'MODELS_TOO_FEW',
    /Only 2 models .* at least 3/,
  ],
  [
    'text in the losses',
    { 'losses.csv': wide.replace('1.1', 'high') },
    {},
    'TABLE_CELL',
    /losses\.csv, row 1 .*column "m5": "high" is not a number from -1e30 to 1e30/,
  ],
  [
    'text in long losses',
    { 'losses.csv': long.replace('1.6', '1,6') },
    {},
    'FILE_UNREADABLE',
    /losses\.csv .*Expected Number of Columns: 3 Found: 4/,
  ],
  [
    'text in Parquet losses',
    { 'losses.parquet': wide.replace('1.5', 'fifteen') },
    { losses: 'losses.parquet' },
    'TABLE_CELL',
    /losses\.parquet, row 4 .*column "m1": "fifteen"/,
  ],
  [
    'text in the errors',
    { 'errors.csv': errors.replace('0.7', 'good') },
    {},
    'TABLE_CELL',
    /errors\.csv, row 1 .*column "m4": "good"/,
  ],
  [
    'text in the tokens',
    { 'tokens.csv': tokens.replace('200', 'many') },
    {},
    'TABLE_CELL',
    /tokens\.csv, row 3 .*column "tokens": "many"/,
  ],
  [
    'negative tokens',
    { 'tokens.csv': tokens.replace('300', '-300') },
    {},
    'TABLE_CELL',
    /tokens\.csv, row 2 .*column "tokens": "-300(\.0)?" is not a number above 0 and at most 1e30/,
  ],
  [
    'no tokens for a domain',
    { 'tokens.csv': tokens.replace('d4,100\n', '') },
    {},
    'DOMAIN_NO_TOKENS',
    /tokens\.csv has no token count for domain "d4", which is in .*losses\.csv \(row 4\)/,
  ],
  [
    'zero tokens',
    { 'tokens.csv': tokens.replace('400', '0') },
    {},
    'TABLE_CELL',
    /row 1 .*"0(\.0)?" is not a number above 0/,
  ],
  [
    'a duplicate domain',
    { 'losses.csv': wide.replace('d3', 'd1') },
    {},
    'TABLE_INVALID',
    /domain "d1" appears twice, the second time in row 3/,
  ],
  [
    'a duplicate domain in the token counts',
    { 'tokens.csv': tokens.replace('d3', 'd1') },
    {},
    'TABLE_INVALID',
    /tokens\.csv .*domain "d1" appears twice/,
  ],
  [
    'a duplicate loss',
    { 'losses.csv': `${long}9,m1,d1\n` },
    {},
    'TABLE_INVALID',
    /domain "d1" has two losses of model "m1"/,
  ],
  [
    'a duplicate error',
    {
      'errors.csv': csv([
        ['model', 'benchmark', 'error'],
        ['m1', 'task', 0.1],
        ['m1', 'task', 0.2],
      ]),
    },
    {},
    'TABLE_INVALID',
    /benchmark "task" has two errors for model "m1"/,
  ],
  [
    'a duplicate model',
    { 'losses.csv': wide.replace('m2', 'm1') },
    {},
    'TABLE_INVALID',
    /column "m1" appears twice/,
  ],
  ['an unnamed domain', { 'losses.csv': wide.replace('d2', '') }, {}, 'TABLE_INVALID', /row 2 has no domain/],
  [
    'no complete domain',
    { 'losses.csv': wide.replaceAll(/,0\.8|,1\.2|,0\.9|,1\.5/g, ',') },
    {},
    'DOMAINS_NONE',
    /has a loss for every model \(4 were excluded\)/,
  ],
  [
    'an unknown benchmark',
    {},
    { benchmarks: ['arc'] },
    'OPTION_INVALID',
    /--benchmarks is "arc", .*one or more of task/,
  ],
  ['a missing file', {}, { tokens: 'none.csv' }, 'FILE_NOT_FOUND', /none\.csv does not exist/],
  ['an empty file', { 'losses.csv': '' }, {}, 'TABLE_INVALID', /losses\.csv .*it is empty/],
  [
    'an unsupported kind of file',
    { 'losses.json': '{}' },
    { losses: 'losses.json' },
    'TABLE_KIND_UNKNOWN',
    /\.csv, \.tsv/,
  ],
  [
    'a file that is not Parquet',
    { 'losses.PARQUET': wide },
    { losses: 'losses.PARQUET' },
    'FILE_UNREADABLE',
    /losses\.PARQUET cannot be read: .*magic bytes/,
  ],
  [
    'a truncated gzip file',
    { 'losses.csv.gz': gzipSync(wide).subarray(0, -12) },
    { losses: 'losses.csv.gz' },
    'FILE_UNREADABLE',
    /losses\.csv\.gz cannot be read: it is truncated: the gzip member that starts at byte 0 is incomplete/,
  ],
  [
    'a row with too few cells',
    { 'losses.csv': wide.replace(',1.1\n', '\n') },
    {},
    'FILE_UNREADABLE',
    /Expected Number of Columns: 6 Found: 5/,
  ],
  [
    'no losses column',
    { 'losses.csv': long.replace('bpb', 'nats') },
    {},
    'TABLE_INVALID',
    /no column "bpb", only nats, model, domain/,
  ],
  ['raw losses without sizes', { 'losses.csv': long }, { raw: true }, 'TABLE_INVALID', /no column "loss"/],
  [
    'raw losses with zero bytes',
    { 'losses.csv': raw.replace('40', '0') },
    { raw: true },
    'TABLE_CELL',
    /row 1 .*column "bytes": "0(\.0)?" is not a number above 0/,
  ],
  [
    'raw losses with negative tokens',
    { 'losses.csv': raw.replace('10', '-1') },
    { raw: true },
    'TABLE_CELL',
    /row 1 .*column "tokens": "-1(\.0)?" is not a number of at least 0/,
  ],
  ['caps that are too low', {}, { keepRate: 1, repeat: 0.5 }, 'CAPS_TOO_LOW', /caps add up to 0\.5/],
];

describe('bad tables', () => {
  it.each(cases)(
    'with %s are refused, naming the file and the place',
    async (_what, files, settings, code, message) => {
      await expect(
        estimateFiles({ ...base, ...files }, { tokens: 'tokens.csv', ...settings }),
      ).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    },
  );

  it('with errors outside 0 to 1 are used with a warning', async () => {
    const { warnings } = await estimateFiles({
      ...base,
      'errors.csv': errors.replace('0.7', '70').replace('0.3,', '-1,'),
    });
    expect(warnings.join('\n')).toMatch(/2 errors are outside 0 to 1 \(-1 for "m1" on "task"\)/);
  });
});
