// The command itself, from tables and pages to a selection, in real processes.

import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { openRun } from '../../../run/run.ts';
import { readDomains } from '../../../domains/result.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { csv, goldenTables } from '../../domains/tables.ts';
import { betr } from '../betr.ts';
import { betrPath, type Ended, jsonl, makeDocuments, run } from '../project.ts';
import { longTest } from '../../long.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-cli-domains-'));
  await writeFile(join(folder, 'bpb.csv'), goldenTables.wide);
  await writeFile(join(folder, 'error.csv'), goldenTables.errors);
  await writeFile(join(folder, 'tokens.csv'), goldenTables.tokens);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const shown = z.object({
  estimator: z.string(),
  target: z.array(z.string()),
  models: z.number(),
  domains: z.array(
    z.object({
      domain: z.string(),
      estimate: z.number(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      weight: z.number(),
      include: z.boolean(),
    }),
  ),
  warnings: z.array(z.string()),
});
const parse = ({ stdout }: Ended): z.output<typeof shown> => shown.parse(JSON.parse(stdout));
const errorOf = ({ stdout }: Ended): unknown =>
  z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(stdout)).error.code;

describe('betr domains', () => {
  it('needs nothing but the tables, and then writes nothing', async () => {
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

  longTest('prints all of a long result into a pipe, however late it is read', async () => {
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

describe('pages', () => {
  const models = Array.from({ length: 24 }, (_, m) => `lab${m % 8}/model-${m}`);
  /** Better models have lower losses on kitchens, and lower errors; space is the other way round. */
  const losses = csv([
    ['domain', ...models],
    ['kitchen', ...models.map((_, m) => 2 - m * 0.05 + (m % 3) * 0.02)],
    ['space', ...models.map((_, m) => 1 + m * 0.04 + (m % 5) * 0.01)],
  ]);
  const errors = csv([
    ['benchmark', ...models],
    ['cooking', ...models.map((_, m) => (0.9 - m * 0.03).toFixed(3))],
  ]);
  const tokens = csv([
    ['domain', 'tokens'],
    ['kitchen', 500_000],
    ['space', 500_000],
  ]);
  let project: string;
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'betr-cli-pages-'));
    const files: Record<string, string> = {
      'bpb.csv': losses,
      'error.csv': errors,
      'tokens.csv': tokens,
      'pages.jsonl': jsonl([
        ...makeDocuments(1200),
        '{"broken',
        ...makeDocuments(3),
        { id: 'lost', source: 'elsewhere', text: 'of no domain' },
      ]),
      'corpus.jsonl': jsonl(makeDocuments(400, 2000)),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
    const settings = {
      corpus: { files: ['corpus.jsonl'] },
      domains: {
        losses: 'bpb.csv',
        errors: 'error.csv',
        tokens: 'tokens.csv',
        keepRate: 0.5,
        pages: ['pages.jsonl'],
      },
      classifier: { bits: 14, epochs: 3 },
    };
    await writeFile(join(project, 'betr.yaml'), JSON.stringify(settings));
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  it(
    "become the sample, their domains' weights the labels, and train, rank and select go on from " +
      'there, with no benchmark examples',
    async () => {
      const domains = await betr(project, ['domains', '--json']);
      expect(domains.stderr).not.toMatch(/^betr:/m);
      expect(JSON.parse(domains.stdout)).toMatchObject({
        pages: { documents: 1200, included: 600, unmatched: 1, duplicates: 3, quarantined: 1 },
      });
      expect(parse(domains).domains.map(({ domain, weight, include }) => [domain, weight, include])).toEqual([
        ['kitchen', 1, true],
        ['space', 0, false],
      ]);
      const run = await openRun(join(project, 'betr.yaml'));
      expect(await readDomains(run)).toEqual(JSON.parse(domains.stdout));
      expect(await readFile(join(run.files.quarantine, 'domains-pages.jsonl'), 'utf8')).toMatch(
        /"file":"pages.jsonl","position":1200/,
      );
      await withDuckDb({ threads: 1 }, async (connection) => {
        const rows = await connection.runAndReadAll(
          `SELECT count(*)::INTEGER, count(*) FILTER (WHERE include = (source = 'kitchen'))::INTEGER, ` +
            `count(DISTINCT score)::INTEGER FROM ${parquetSource(run.files.targets)} ` +
            `JOIN ${parquetSource(run.files.sample)} USING (document)`,
        );
        expect(rows.getRows()).toEqual([[1200, 1200, 2]]);
      });
      expect((await betr(project, ['index', '--json'])).stdout).toMatch(/benchmarks: missing/);

      const train = await betr(project, ['train', '--json']);
      const card = z
        .object({
          labels: z.object({ top: z.number() }),
          outputs: z.array(z.object({ heldOut: z.object({ rocAuc: z.object({ value: z.number() }) }) })),
        })
        .parse(JSON.parse(train.stdout));
      expect(card.labels.top).toBe(0.5);
      expect(card.outputs[0]?.heldOut.rocAuc.value).toBeGreaterThan(0.99);
      expect((await betr(project, ['rank'])).code).toBe(0);
      const best = selectionManifestSchema.parse(
        JSON.parse((await betr(project, ['select', '--keep', '0.3', '--out', 'best', '--json'])).stdout),
      );
      expect(best.composition.map(({ source, after }) => [source, after.documents > 0])).toEqual([
        ['kitchen', true],
        ['space', false],
      ]);
      const quotas = selectionManifestSchema.parse(
        JSON.parse(
          (
            await betr(project, [
              'select',
              '--keep',
              '0.2',
              '--quotas',
              'domains',
              '--out',
              'quotas',
              '--json',
            ])
          ).stdout,
        ),
      );
      expect(quotas.quotas?.map(({ domain, weight }) => [domain, weight])).toEqual([['kitchen', 1]]);
      expect(quotas.tokens).toBeLessThanOrEqual(quotas.quotas?.[0]?.quotaTokens ?? 0);
      expect(quotas.documents).toBeGreaterThan(50);
    },
  );

  longTest('are not read again where nothing changed, and are where a table did', async () => {
    const run = await openRun(join(project, 'betr.yaml'));
    const again = await betr(project, ['domains', '--json']);
    expect(again.stderr).not.toMatch(/pages/);
    expect(await readDomains(run)).toEqual(JSON.parse(again.stdout));
    // Now space is what goes with low errors.
    await writeFile(
      join(project, 'error.csv'),
      csv([
        ['benchmark', ...models],
        ['cooking', ...models.map((_, m) => (0.1 + m * 0.03).toFixed(3))],
      ]),
    );
    const turned = await betr(project, ['domains', '--json']);
    expect(parse(turned).domains.map(({ domain, include }) => [domain, include])).toEqual([
      ['space', true],
      ['kitchen', false],
    ]);
    const damaged = await readFile(run.files.domains);
    await writeFile(run.files.domains, damaged.subarray(0, 100));
    expect(parse(await betr(project, ['domains', '--json'])).domains).toEqual(parse(turned).domains);
    expect(await readFile(run.files.domains)).toEqual(damaged);
  });

  longTest('are domains of their own where the losses name their keys', async () => {
    const pages = makeDocuments(1200);
    // Losses by page; kitchens as above.
    await writeFile(
      join(project, 'pages-bpb.csv'),
      csv([
        ['page', ...models],
        ...pages
          .slice(0, 600)
          .map(({ id, source }, p) => [
            id,
            ...models.map(
              (_, m) =>
                (source === 'kitchen' ? 2 - m * 0.05 : 1 + m * 0.04) + ((p * 7 + m * 13) % 10) * 0.002,
            ),
          ]),
      ]),
    );
    await writeFile(join(project, 'error.csv'), errors);
    const ended = await betr(project, [
      'domains',
      '--losses',
      'pages-bpb.csv',
      '--keep-rate',
      '0.4',
      '--resamples',
      '20',
      '--json',
      '--config',
      'by-page.yaml',
    ]);
    expect(errorOf(ended)).toBe('USAGE');
    await writeFile(
      join(project, 'by-page.yaml'),
      JSON.stringify({
        run: 'by-page',
        corpus: { files: ['corpus.jsonl'] },
        domains: { losses: 'pages-bpb.csv', errors: 'error.csv', keepRate: 0.4, resamples: 20 },
      }),
    );
    const result = await betr(project, [
      'domains',
      '--config',
      'by-page.yaml',
      '--pages',
      'pages.jsonl',
      '--json',
    ]);
    expect(JSON.parse(result.stdout)).toMatchObject({
      tokensFrom: 'none: all alike',
      pages: { documents: 600, included: 240, unmatched: 601 },
    });
    const included = parse(result).domains.filter(({ include }) => include);
    expect(included.every(({ domain }) => domain.startsWith('kitchen'))).toBe(true);
  });

  it('of one kind only, or of no domain, are refused', async () => {
    await writeFile(
      join(project, 'only.jsonl'),
      jsonl(makeDocuments(40).filter(({ source }) => source === 'kitchen')),
    );
    await writeFile(join(project, 'strangers.jsonl'), jsonl([{ id: 'x', source: 'y', text: 'z' }]));
    const only = await betr(project, ['domains', '--pages', 'only.jsonl', '--json']);
    expect([only.code, errorOf(only)]).toEqual([1, 'PAGES_ALIKE']);
    const strangers = await betr(project, ['domains', '--pages', 'strangers.jsonl', '--json']);
    expect([strangers.code, errorOf(strangers)]).toEqual([1, 'PAGES_UNMATCHED']);
  });
});
