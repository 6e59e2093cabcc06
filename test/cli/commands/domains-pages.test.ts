// `betr domains` labels pages by the weights of their domains.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { openRun } from '../../../run/run.ts';
import { readDomains } from '../../../domains/result.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { csv } from '../../domains/tables.ts';
import { betr } from '../betr.ts';
import { jsonl, makeDocuments } from '../project.ts';
import { longTest } from '../../long.ts';
import { errorOf, parse } from './domains-output.ts';
import { errors, makePagesProject, models } from './domain-pages.ts';

describe('pages', () => {
  let project: string;
  beforeAll(async () => {
    project = await makePagesProject();
  });
  afterAll(() => rm(project, { recursive: true, force: true }));

  it("become the sample, with their domains' weights as labels", async () => {
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
  });

  it('train, rank and select without benchmark examples', async () => {
    expect((await betr(project, ['domains'])).code).toBe(0);
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
        (await betr(project, ['select', '--keep', '0.2', '--quotas', 'domains', '--out', 'quotas', '--json']))
          .stdout,
      ),
    );
    expect(quotas.quotas?.map(({ domain, weight }) => [domain, weight])).toEqual([['kitchen', 1]]);
    expect(quotas.tokens).toBeLessThanOrEqual(quotas.quotas?.[0]?.quotaTokens ?? 0);
    expect(quotas.documents).toBeGreaterThan(50);
  });

  longTest('are read again only if a table changed', async () => {
    const run = await openRun(join(project, 'betr.yaml'));
    expect((await betr(project, ['domains'])).code).toBe(0);
    const again = await betr(project, ['domains', '--json']);
    expect(again.stderr).not.toMatch(/pages/);
    expect(await readDomains(run)).toEqual(JSON.parse(again.stdout));
    // Now space goes with low errors.
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

  longTest('are domains themselves if the losses name their keys', async () => {
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

  it('are refused if all are of one kind, or of no domain', async () => {
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
