import { describe, expect, it } from '@jest/globals';
import { compositionSchema, histogramSchema } from '../../../server/routes/mixture.ts';
import { keepByPlainSort, makeScoredRows, type Row, sumTokens } from '../../ranking/synthetic.ts';
import { shareServer } from '../serve.ts';

const rows = makeScoredRows(700);
const benchmarks = ['gsm8k', 'arc_easy', 'mmlu'];
const server = shareServer(rows);

/** A row's corpus percentile for a benchmark, the slow and obvious way. */
function percentileOf(row: Row, name: string): number {
  return (
    rows.filter((other) => (other.scores?.[name] ?? 0) <= (row.scores?.[name] ?? 0)).length / rows.length
  );
}

function winnerOf(row: Row, among: readonly string[]): string {
  const percentiles = among.map((name) => percentileOf(row, name));
  return among[percentiles.indexOf(Math.max(...percentiles))] ?? '';
}

/** What a group is before and after the cut, as the route says it. */
function describeGroup(own: readonly Row[], kept: readonly Row[]): object {
  const left = own.filter((row) => kept.includes(row));
  const side = (of: readonly Row[], all: readonly Row[]): object => ({
    documents: of.length,
    tokens: sumTokens(of),
    share: sumTokens(of) / sumTokens(all),
  });
  return { before: side(own, rows), after: side(left, kept) };
}

describe('GET /composition', () => {
  it.each([
    ['', benchmarks],
    ['&without=mmlu', ['gsm8k', 'arc_easy']],
  ])('counts sources and winning benchmarks before and after the cut (%s)', async (choice, among) => {
    const { sources, benchmarks: winners } = compositionSchema.parse(
      (await server().ask(`/composition?keep=0.2${choice}`)).json,
    );
    const ranked =
      choice === ''
        ? rows
        : rows.map((row) => ({ ...row, score: Math.max(...among.map((name) => percentileOf(row, name))) }));
    const documents = new Set(keepByPlainSort(ranked, 0.2).map(({ document }) => document));
    const kept = rows.filter(({ document }) => documents.has(document));
    for (const { source, before, after } of sources)
      expect({ before, after }).toEqual(
        describeGroup(
          rows.filter((row) => row.source === source),
          kept,
        ),
      );
    for (const { benchmark, before, after } of winners)
      expect({ before, after }).toEqual(
        describeGroup(
          rows.filter((row) => winnerOf(row, among) === benchmark),
          kept,
        ),
      );
    expect(new Set(winners.map(({ benchmark }) => benchmark))).toEqual(new Set(among));
    for (const changes of [sources, winners]) {
      expect(changes.reduce((sum, { after }) => sum + after.documents, 0)).toBe(kept.length);
      expect(changes.map(({ lift }) => lift)).toEqual(changes.map(({ lift }) => lift).sort((a, b) => b - a));
    }
  });

  it('is a table on request', async () => {
    const reply = await server().ask('/composition?keep=0.2&format=csv');
    expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head = '', ...lines] = reply.text.trim().split('\r\n');
    expect(head).toBe(
      'by,name,documentsBefore,tokensBefore,shareBefore,documentsAfter,tokensAfter,shareAfter,kept,lift',
    );
    expect(lines.map((line) => line.split(',')[0])).toEqual([
      ...Array.from({ length: new Set(rows.map(({ source }) => source)).size }, () => 'source'),
      ...benchmarks.map(() => 'benchmark'),
    ]);
  });

  it('wants a question', async () => {
    expect(await server().ask('/composition')).toMatchObject({ status: 400, json: { code: 'USAGE' } });
    expect(await server().ask('/composition?keep=0.2&without=sums')).toMatchObject({
      status: 400,
      json: { code: 'BENCHMARK_UNKNOWN' },
    });
  });
});

describe('GET /histogram', () => {
  it('holds every document and token, by the joint score or by chosen benchmarks', async () => {
    for (const choice of ['', '&benchmarks=gsm8k']) {
      const { steps } = histogramSchema.parse((await server().ask(`/histogram?steps=12${choice}`)).json);
      expect(steps).toHaveLength(12);
      expect(steps.reduce((sum, { documents }) => sum + documents, 0)).toBeCloseTo(rows.length, 6);
      expect(steps.reduce((sum, { tokens }) => sum + tokens, 0)).toBeCloseTo(sumTokens(rows), 4);
      // A percentile is at most 1; the joint score of these rows is not.
      expect((steps.at(-1)?.to ?? 0) > 1.1).toBe(choice === '');
    }
  });

  it('refuses what it cannot draw', async () => {
    expect(await server().ask('/histogram?steps=0')).toMatchObject({
      status: 400,
      json: { code: 'OPTION_INVALID' },
    });
    expect(await server().ask('/histogram?steps=1001')).toMatchObject({
      status: 400,
      json: { code: 'OPTION_INVALID' },
    });
  });
});

describe('the page', () => {
  it('is its own files only, under a policy that lets a browser ask nobody else', async () => {
    const page = await server().ask('/?budget=1e20&shard=abc&row=1');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    expect(page.text).not.toMatch(/https?:\/\//);
    for (const [, file = ''] of page.text.matchAll(/(?:href|src)="(page\/[^"]+)"/g)) {
      const reply = await server().ask(`/${file}`);
      expect([file, reply.status]).toEqual([file, 200]);
      expect(
        await server().ask(`/${file}`, { headers: { 'If-None-Match': reply.headers.get('etag') ?? '' } }),
      ).toMatchObject({ status: 304, text: '' });
    }
    for (const path of [
      '/page/page.ts',
      '/page/tsconfig.json',
      '/page/..%2Fapp.js',
      '/page/%2Fetc%2Fpasswd',
      '/page/__proto__',
      '/page/',
    ])
      expect([path, (await server().ask(path)).status]).toEqual([path, 404]);
  });
});
