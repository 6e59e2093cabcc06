// Every number in the tables of domains has bounds.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { estimateDomains } from '../../../domains/domains.ts';
import { silent } from '../../../run/progress.ts';
import { domainSettingsSchema } from '../../../run/domain-settings.ts';
import { withFolder } from '../../data/collect.ts';

describe('tables of domains', () => {
  const losses = ['domain,m1,m2,m3,m4', 'a,1,2,3,4', 'b,2,1,4,3', 'c,4,3,2,1'].join('\n');
  const errors = ['benchmark,m1,m2,m3,m4', 'x,0.1,0.2,0.3,0.4'].join('\n');
  const tokens = ['domain,tokens', 'a,10', 'b,20', 'c,30'].join('\n');
  const long = [
    'domain,model,bpb',
    ...['a', 'b', 'c'].flatMap((domain, i) =>
      [1, 2, 3, 4].map((model) => `${domain},m${model},${i + model}`),
    ),
  ].join('\n');
  const raw = [
    'domain,model,loss,tokens,bytes',
    ...['a', 'b', 'c'].flatMap((domain, i) =>
      [1, 2, 3, 4].map((model) => `${domain},m${model},${i + model},100,400`),
    ),
  ].join('\n');
  const rawWide = [
    'domain,tokens,bytes,m1,m2,m3,m4',
    'a,100,400,1,2,3,4',
    'b,100,400,2,1,4,3',
    'c,100,400,4,3,2,1',
  ].join('\n');

  it.each<[string, Record<string, string>, string, number]>([
    ['losses', { losses: losses.replace('b,2,1', 'b,2,@') }, 'm2', 2],
    ['losses by cells', { losses: long.replace('a,m2,2', 'a,m2,@') }, 'bpb', 2],
    ['raw losses', { losses: raw.replace('a,m2,2', 'a,m2,@'), raw: 'yes' }, 'loss', 2],
    ['raw tokens', { losses: raw.replace('a,m2,2,100', 'a,m2,2,@'), raw: 'yes' }, 'tokens', 2],
    ['raw bytes', { losses: rawWide.replace('b,100,400', 'b,100,@'), raw: 'yes' }, 'bytes', 2],
    [
      'raw losses, one column a model',
      { losses: rawWide.replace('b,100,400,2', 'b,100,400,@'), raw: 'yes' },
      'm1',
      2,
    ],
    ['errors', { errors: errors.replace('0.3', '@') }, 'm3', 1],
    ['token counts', { tokens: tokens.replace('20', '@') }, 'tokens', 2],
  ])('refuse numbers beyond the bounds: %s', async (_what, changed, column, row) => {
    await withFolder(async (folder) => {
      await mkdir(folder, { recursive: true });
      const { raw: isRaw, ...tables }: Record<string, string> = { losses, errors, ...changed };
      const settings = domainSettingsSchema.parse({
        ...Object.fromEntries(Object.keys(tables).map((name) => [name, `${name}.csv`])),
        raw: isRaw !== undefined,
        seed: 1,
        resamples: 0,
        keepRate: 0.5,
      });
      const weigh = async (value: string): Promise<unknown> => {
        for (const [name, text] of Object.entries(tables))
          await writeFile(join(folder, `${name}.csv`), text.replace('@', value));
        return estimateDomains(settings, { folder }, silent);
      };
      for (const value of ['1e31', '1e300', `1${'0'.repeat(40)}`]) {
        await expect(weigh(value)).rejects.toMatchObject({
          code: 'TABLE_CELL',
          values: { column, row, got: expect.any(String) },
          message: expect.stringMatching(/1e30/),
        });
      }
      expect(JSON.stringify(await weigh('1.5'))).not.toMatch(/NaN|Infinity/);
    });
  });
});
