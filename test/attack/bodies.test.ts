// Bodies that are large, slow, deep or many cost no more than is set aside for them, and keep nobody else
// from being answered.

import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { show } from '../../run/issues.ts';
import { csvOf } from '../../server/routes/csv.ts';
import { type Reply, route } from '../../server/route.ts';
import { csvInSlices, jsonInSlices } from '../../server/slices.ts';
import { makeRows } from '../ranking/synthetic.ts';
import { shareServer } from '../server/serve.ts';
import { manyTrials } from './worst.ts';

const server = shareServer(makeRows(300));
const json = { 'Content-Type': 'application/json' };

const post = (path: string, body: string): Promise<{ status: number; text: string; json: unknown }> =>
  server().ask(path, { method: 'POST', headers: json, body });

describe('a body of JSON', () => {
  const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it.each<[string, string, string, RegExp]>([
    [
      'nested two million deep',
      '/score',
      deep(2_000_000).slice(0, 4_000_000),
      /nested more than 16 levels deep/,
    ],
    [
      'nested as deep in a list of texts',
      '/score',
      `{"texts":[${deep(1_500_000)}]}`,
      /nested more than 16 levels deep/,
    ],
    ['nested deep where little is taken', '/jobs', deep(8_000), /nested more than 16 levels deep/],
    [
      'with 100,000 unknown fields',
      '/calibrations',
      `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`)
        .join(',')
        .slice(0, 1_000_000)
        .replace(/,[^,]*$/, '')}}`,
      /and \d{5} more \(known: name, runs\)/,
    ],
    [
      'with 1,000 wrong runs',
      '/calibrations',
      `{"name":"a","runs":[${Array.from({ length: 1_000 }, () => '{"x":1}').join(',')}]}`,
      /runs\[0\]\.flops is missing/,
    ],
    [
      'with a megabyte for a name',
      '/calibrations',
      JSON.stringify({ name: 'n'.repeat(1_000_000), runs: [] }),
      /name is \\"n{199}…, but/,
    ],
    ['that is not UTF-8', '/jobs', '\u00ff', /./],
  ])('%s is refused in a few words', async (_name, path, body, says) => {
    const { status, text } = await post(path, body);
    expect([status, text.length < 5_000, says.test(text)]).toEqual([400, true, true]);
  });

  it('may have brackets within its texts', async () => {
    expect((await post('/jobs', JSON.stringify({ kind: `${'[{"'.repeat(1000)}\\` }))).text).toContain(
      'kind is',
    );
  });

  it('is parsed without delaying other requests', async () => {
    const bodies: [string, string][] = [
      ['/score', deep(2_000_000).slice(0, 4_000_000)],
      ['/score', JSON.stringify({ texts: Array.from({ length: 60 }, () => 'x'.repeat(60_000)) })],
      ['/calibrations', manyTrials],
    ];
    let sending = true;
    const sent = Promise.all(bodies.map(([path, body]) => post(path, body))).finally(() => (sending = false));
    const waited: number[] = [];
    const begunMs = performance.now();
    while (sending) {
      const startedMs = performance.now();
      await server().ask('/healthz');
      waited.push(performance.now() - startedMs);
      await setTimeout(2);
    }
    expect((await sent).every(({ status }) => status < 500)).toBe(true);
    const median = waited.sort((a, b) => a - b)[Math.floor(waited.length / 2)] ?? 0;
    // If bodies were parsed between two requests, most of these would wait for a whole body. `make soak` has bounds
    // in milliseconds.
    expect(median).toBeLessThan((performance.now() - begunMs) / 4);
  }, 60_000);
});

describe('parsing and writing between two requests', () => {
  it('is bounded by the size of bodies: larger ones are for threads', () => {
    const declare = (kind: 'body' | 'threadBody', bodyLimitBytes: number) => () =>
      route({
        method: 'post',
        path: '/x',
        summary: '',
        access: 'read',
        [kind]: z.unknown(),
        bodyLimitBytes,
        reply: { description: '' },
        answer: () => 'sent',
      });
    expect(declare('body', 16_385)).toThrow('/x takes a body that must be parsed in a thread');
    expect(declare('body', 16_384)).not.toThrow();
    expect(declare('threadBody', 4 << 20)).not.toThrow();
  });

  it('is bounded by the number of runs of a calibration, and of domains', async () => {
    const runs = Array.from({ length: 1001 }, (_, i) => ({
      flops: 10 ** (18 + (i % 3)),
      keep: 0.1 + (i % 7) / 10,
      loss: i % 100,
    }));
    const csv = `flops,keep,loss\n${runs.map(({ flops, keep, loss }) => `${flops},${keep},${loss}`).join('\n')}`;
    expect((await post('/calibrations', JSON.stringify({ name: 'a', runs }))).text).toMatch(/runs.*1000/);
    expect(
      (
        await server().ask('/calibrations?name=a', {
          method: 'POST',
          headers: { 'Content-Type': 'text/csv' },
          body: csv,
        })
      ).text,
    ).toMatch(/1000/);
    expect((await server().ask('/domains?most=20001')).status).toBe(400);
  });

  it('is written in slices that are the same text', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => ({ name: `é"${i}`, value: i / 3 }));
    const whole = (reply: Reply): string =>
      typeof reply === 'object' && 'pieces' in reply ? reply.pieces.join('') : '';
    const reply = await jsonInSlices('rows', rows, { before: [1] });
    expect([whole(reply), typeof reply === 'object' && 'pieces' in reply && reply.pieces.length]).toEqual([
      JSON.stringify({ before: [1], rows }),
      5,
    ]);
    for (const few of [[], rows.slice(0, 1)])
      expect(whole(await jsonInSlices('rows', few))).toBe(JSON.stringify({ rows: few }));
    const table = csvOf(['value', 'name'], rows);
    expect(whole(await csvInSlices(['value', 'name'], rows))).toBe(
      typeof table === 'object' && 'text' in table ? table.text : '',
    );
  });
});

describe('a value in a message', () => {
  it.each<[unknown, string]>([
    [[1, 'two', { three: [3] }], '[1,"two",{"three":[3]}]'],
    ['x'.repeat(300), `"${'x'.repeat(199)}…`],
    [undefined, 'missing'],
    [null, 'null'],
  ])('is its beginning', (value, shown) => expect(show(value)).toBe(shown));

  it('takes no longer to show if it is large', () => {
    const startedMs = performance.now();
    const text = show(Array.from({ length: 1_000_000 }, (_, i) => ({ i })));
    expect(text).toMatch(/^\[\{"i":0\},\{"i":1\}.{150,}…$/);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
