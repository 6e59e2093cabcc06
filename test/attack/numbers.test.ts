// One bound for all numbers: every place that takes one refuses what lies beyond it in words, and never with
// a stack, NaN or Infinity in the answer.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { withDuckDb } from '../../data/duckdb/duckdb.ts';
import { settingsSchema } from '../../run/settings.ts';
import { parseSettings } from '../../run/read-settings.ts';
import { estimateDomains } from '../../domains/domains.ts';
import { silent } from '../../run/progress.ts';
import { domainSettingsSchema } from '../../run/domain-settings.ts';
import { parseTrials } from '../../ranking/budget/trial-table.ts';
import { commands } from '../../cli/commands.ts';
import { betr } from '../cli/betr.ts';
import { withFolder } from '../data/collect.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { shareServer } from '../server/serve.ts';
import { openApiSchema } from './hostile.ts';

/** No place takes any of them. */
const beyond = [
  '1e31',
  '-1e31',
  '1e400',
  '-1e400',
  '1e-31',
  'Infinity',
  '-Infinity',
  'NaN',
  '-1',
  '9'.repeat(40),
  `0.${'0'.repeat(40)}1`,
];
const numbers = beyond.filter((text) => text !== 'NaN' && !text.includes('Infinity'));

/** The schema of an object's fields, whatever is around them. */
function unwrap(schema: unknown): unknown {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  )
    return unwrap(schema.unwrap());
  return schema;
}

/** Paths of all numbers in a schema, 0 for the items of a list. */
function numbersIn(schema: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return [[...path]];
  if (inner instanceof z.ZodObject)
    return Object.entries(inner.shape).flatMap(([key, field]) => numbersIn(field, [...path, key]));
  return inner instanceof z.ZodArray ? numbersIn(inner.element, [...path, 0]) : [];
}

function nest(path: readonly (string | number)[], value: unknown): unknown {
  return path.reduceRight((inner, key) => (key === 0 ? [inner] : { [key]: inner }), value);
}

describe('the settings', () => {
  const paths = numbersIn(settingsSchema);

  it('have more than 25 numbers', () => {
    expect(paths.map((path) => path.join('.'))).toEqual(
      expect.arrayContaining([
        'keep.maxEpochs',
        'keep.budgets.0',
        'sample.seed',
        'search.nearest',
        'domains.repeat',
        'scoring.lostSeconds',
        'workers',
      ]),
    );
    expect(paths.length).toBeGreaterThan(25);
  });

  it.each(paths.map((path): [string, (string | number)[]] => [path.join('.'), path]))(
    'take nothing beyond the bounds as %s',
    (name, path) => {
      const [first = ''] = path;
      const needed = {
        corpus: { files: ['a.jsonl'] },
        benchmarks: [],
        ...(first === 'domains' ? { domains: { losses: 'a.csv', errors: 'b.csv' } } : {}),
      };
      for (const number of numbers.map(Number)) {
        const text = JSON.stringify(merge(needed, nest(path, number)), (_key, value: unknown) =>
          value === Infinity ? '\0inf' : value === -Infinity ? '\0-inf' : value,
        )
          .replaceAll(String.raw`"\u0000inf"`, '.inf')
          .replaceAll(String.raw`"\u0000-inf"`, '-.inf');
        expect(() => parseSettings(text, 'betr.yaml')).toThrow(
          expect.objectContaining({
            code: 'SETTINGS_INVALID',
            message: expect.stringContaining(name.replace(/\.0$/, '[0]')),
          }),
        );
      }
    },
  );
});

function merge(a: Record<string, unknown>, b: unknown): Record<string, unknown> {
  const more = z.record(z.string(), z.unknown()).parse(b);
  return {
    ...a,
    ...Object.fromEntries(
      Object.entries(more).map(([key, value]) => [
        key,
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? merge(z.record(z.string(), z.unknown()).parse(a[key] ?? {}), value)
          : value,
      ]),
    ),
  };
}

describe('the command line', () => {
  let folder = '';
  let over: Promise<void> = Promise.resolve();
  let end = (): void => undefined;
  beforeAll(async () => {
    // One run for all, until they are done.
    await new Promise<void>((ready) => {
      over = withRun(async (run) => {
        await rankRows(run, makeRows(60));
        folder = run.settingsFolder;
        await new Promise<void>((done) => {
          end = done;
          ready();
        });
      });
    });
  });
  afterAll(async () => {
    end();
    await over;
  });

  const knobs = ['--pool-tokens', '--tokens-per-param', '--max-epochs'];
  const options: [string, string[], string[]][] = [
    ['cutoff', ['--keep', '0.1'], knobs],
    ['cutoff', [], ['--budget', '--params', '--tokens', '--keep']],
    ['select', ['--out', 'out', '--keep', '0.1'], knobs],
    ['compare', ['--budgets', '1e20'], [...knobs, '--params']],
    ['compare', [], ['--budgets', '--params']],
    ['rank', [], ['--workers']],
    ['work', [], ['--workers', '--grace']],
    ['evaluate', [], ['--words', '--keep', '--budgets']],
    ['leaks', ['--tests', 'none.jsonl'], ['--words']],
    [
      'domains',
      ['--losses', 'a.csv', '--errors', 'b.csv'],
      ['--keep-rate', '--repeat', '--resamples', '--seed'],
    ],
    ['serve', [], ['--port', '--rate-limit', '--connections']],
    ['slurm', ['--dry-run'], ['--nodes', '--cpus']],
  ];

  it('has no other option that takes a number', async () => {
    const tried = new Set(options.flatMap(([name, , flags]) => flags.map((flag) => `${name} ${flag}`)));
    for (const [name, load] of Object.entries(commands)) {
      for (const { long, argChoices, flags } of (await load()).options) {
        const takesNumber =
          /<(count|number|seconds|flops|share|ratio)>|<list>/.test(flags) &&
          argChoices === undefined &&
          long !== '--scorers';
        if (
          takesNumber &&
          !(name === 'select' && ['--budget', '--params', '--tokens', '--keep'].includes(long ?? '')) &&
          !(name === 'why')
        )
          expect([...tried]).toContain(`${name} ${long ?? ''}`);
      }
    }
  });

  it.each(
    options.flatMap(([name, others, flags]) =>
      flags.map((flag): [string, string, string[]] => [name, flag, others]),
    ),
  )('betr %s takes nothing beyond the bounds as %s', async (name, flag, others) => {
    // No time is too short.
    for (const text of flag === '--grace' ? beyond.filter((one) => !/e-31|^0\.0/.test(one)) : beyond) {
      const { code, stdout, stderr } = await betr(folder, [name, ...others, `${flag}=${text}`]);
      expect({ text, code, stderr }).toEqual({
        text,
        code: 2,
        stderr: expect.stringMatching(/^betr: .* \[(OPTION_INVALID|BUDGET_INVALID)\]\n$/),
      });
      expect(stdout).toBe('');
    }
  });

  it('betr why takes no row beyond the bounds', async () => {
    for (const text of beyond)
      expect(await betr(folder, ['why', '--', 'corpus/shard-0.jsonl', text])).toMatchObject({
        code: expect.any(Number),
        stderr: expect.stringMatching(/\[(OPTION_INVALID|STEP_MISSING)\]/),
      });
  });
});

describe('the server', () => {
  const server = shareServer(makeRows(60));

  it('takes nothing beyond the bounds as any parameter of its description', async () => {
    const description = openApiSchema.parse(JSON.parse((await server().ask('/openapi.json')).text));
    let tried = 0;
    for (const [path, { get }] of Object.entries(description.paths)) {
      for (const { name } of (get?.parameters ?? []).filter((one) => one.in === 'query')) {
        const isNumber = [
          'budget',
          'budgets',
          'params',
          'tokens',
          'keep',
          'poolTokens',
          'tokensPerParam',
          'maxEpochs',
          'steps',
          'points',
          'limit',
          'seed',
          'characters',
          'ngrams',
          'places',
          'examples',
          'from',
          'to',
        ].includes(name);
        if (!isNumber) continue;
        for (const text of beyond) {
          const others =
            name !== 'keep' &&
            path !== '/compare' &&
            !['budget', 'params', 'tokens'].includes(name) &&
            (get?.parameters ?? []).some((one) => one.name === 'keep')
              ? '&keep=0.1'
              : '';
          const reply = await server().ask(
            `${path.replace('{shard}', 'corpus%2Fshard-0.jsonl').replace('{row}', '0')}?${name}=${encodeURIComponent(text)}${others}`,
          );
          expect({ path, name, text, status: reply.status }).toEqual({ path, name, text, status: 400 });
          tried++;
        }
      }
    }
    expect(tried).toBeGreaterThan(200);
  });

  it.each(['flops', 'keep', 'loss', 'accuracy'])('takes no calibration beyond the bounds: %s', (field) => {
    const measure = field === 'accuracy' ? 'accuracy' : 'loss';
    for (const text of beyond.filter(
      (one) =>
        !(one === '-1' || one.includes('e-') || one.startsWith('0.0')) ||
        field === 'flops' ||
        field === 'keep',
    )) {
      const row = { flops: '1e20', keep: '0.1', [measure]: '2.5', [field]: text };
      const refused = expect.objectContaining({
        code: expect.stringMatching(/^(BODY|BUDGET|OPTION)_INVALID$/),
      });
      expect(() =>
        parseTrials(`flops,keep,${measure}\n${row.flops},${row.keep},${row[measure] ?? ''}\n`),
      ).toThrow(refused);
      const json = `[{"flops": ${row.flops}, "keep": ${row.keep}, "${measure}": ${row[measure] ?? ''}}]`;
      if (!/NaN|Infinity/.test(text)) expect(() => parseTrials(json)).toThrow(refused);
    }
  });
});

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
  ])('take nothing beyond the bounds: %s', async (_what, changed, column, row) => {
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

it('DuckDB counts tokens of any number of documents exactly', async () => {
  await withDuckDb({ threads: 1 }, async (connection) => {
    const [row] = (
      await connection.runAndReadAll(
        'SELECT sum(tokens)::DOUBLE FROM (SELECT 1000000000::BIGINT AS tokens FROM range(9007199) UNION ' +
          'ALL SELECT 254740991::BIGINT)',
      )
    ).getRows();
    expect(row).toEqual([2 ** 53 - 1]);
  });
});
