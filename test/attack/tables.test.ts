import { describe, expect, it } from '@jest/globals';
import { makeKey } from '../../server/keys-file.ts';
import { serveRun } from '../../server/listen.ts';
import { makeRows, makeScoredRows, rankRows, withRun } from '../ranking/synthetic.ts';
import { ask, shareServer } from '../server/serve.ts';
import { csvLine } from '../../data/rows/write-csv.ts';

const formulas = ['=1+2', '+cmd', '-2+3', '@SUM(A1)', '\t=1', '\r=1'];
const server = shareServer(
  makeScoredRows(60).map((row, i) => ({
    ...row,
    source: formulas[i % formulas.length] ?? '',
    document: `${formulas[i % formulas.length] ?? ''}"${i}`,
  })),
);

describe('a table', () => {
  it('holds no formula that a spreadsheet would follow, and numbers as they are', () => {
    expect(csvLine([...formulas, 'a=b', '', null, -0.5, true])).toBe(
      `'=1+2,'+cmd,'-2+3,'@SUM(A1),'\t=1,"'\r=1",a=b,,,-0.5,true\r\n`,
    );
  });

  it.each(['/composition?keep=0.5&format=csv', '/selection?keep=0.5&format=csv'])(
    'of %s neither',
    async (path) => {
      const { status, text } = await server().ask(path);
      expect(status).toBe(200);
      for (const cell of text.split(/[\n,]/))
        expect(cell).not.toMatch(/^"?(?:[=+@\t]|-(?!\d+(?:\.\d+)?(?:e-?\d+)?\r?$))/);
    },
  );

  it('is another answer than the JSON of the same address', async () => {
    for (const path of [
      '/histogram?steps=5',
      '/composition?keep=0.5',
      '/compare?budgets=1e20&poolTokens=1T',
      '/curve?points=5',
    ]) {
      const table = await server().ask(path, { headers: { Accept: 'text/csv' } });
      const json = await server().ask(path, { headers: { Accept: 'application/json' } });
      for (const { headers } of [table, json]) expect(headers.get('vary')).toContain('Accept');
      expect(table.headers.get('etag')).not.toBe(json.headers.get('etag'));
      const again = async (accept: string, etag: string | null): Promise<number> => {
        const reply = await server().ask(path, { headers: { Accept: accept, 'If-None-Match': etag ?? '' } });
        expect(reply.headers.get('vary')).toContain('Accept');
        return reply.status;
      };
      for (let i = 0; i < 2; i++) {
        expect(await again('text/csv', json.headers.get('etag'))).toBe(200);
        expect(await again('application/json', table.headers.get('etag'))).toBe(200);
        expect(await again('text/csv', table.headers.get('etag'))).toBe(304);
        expect(await again('application/json', json.headers.get('etag'))).toBe(304);
      }
    }
  });
});

describe('what a key was needed for', () => {
  it('is kept by no cache', async () => {
    await withRun(async (run) => {
      await rankRows(run, makeRows(40));
      const { key } = await makeKey(run.files.apiKeys, 'jobs');
      const own = await serveRun(run, { host: '127.0.0.1', port: 0 });
      try {
        for (const path of [
          '/rank?keep=0.1',
          '/rank?keep=nothing',
          '/histogram',
          '/curve',
          '/compare?budgets=1e20',
          '/rankings',
          '/benchmarks',
          '/jobs',
          '/jobs/none',
          '/training',
          '/training/none',
          '/trials',
          '/trials/none',
          '/pairs',
          '/pairs/none?keep=0.5',
          '/pairs/none/histogram',
          '/pairs/none/rows',
          '/pairs/none/why?id=1',
          '/calibrations',
          '/documents?keep=0.1',
          '/metrics',
          '/evaluation',
          '/selection?keep=0.1',
        ]) {
          for (const headers of [{ Authorization: `Bearer ${key}` }, new Headers()]) {
            const reply = await ask(own.url, path, { headers });
            expect([path, reply.headers.get('cache-control')]).toEqual([path, 'private, no-store']);
          }
        }
        for (const open of ['/', '/docs'])
          expect((await ask(own.url, open)).headers.get('cache-control') ?? '').not.toContain('no-store');
      } finally {
        await own.stop(0);
      }
    });
    expect((await server().ask('/rank?keep=0.1')).headers.get('cache-control')).toBe('no-cache');
  });
});
