// Bodies of POST /calibrations: bad ones are refused with every problem, good ones become laws.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type Reply, shareServer } from '../serve.ts';
import { jsonHeaders, trials } from './fixtures.ts';

const server = shareServer();

function post(path: string, headers: Record<string, string>, body: string): Promise<Reply> {
  return server().ask(path, { method: 'POST', headers, body });
}

describe('a body', () => {
  it.each<[string, RequestInit, number, string]>([
    [
      'of 10 MB',
      { headers: jsonHeaders, body: JSON.stringify({ name: 'x'.repeat(1e7) }) },
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'of 10 MB of CSV',
      { headers: { 'Content-Type': 'text/csv' }, body: '1,2,3\n'.repeat(2e6) },
      413,
      'BODY_TOO_LARGE',
    ],
    ['that is not JSON', { headers: jsonHeaders, body: '{"name":' }, 400, 'BODY_INVALID'],
    [
      'of a type that a form could send',
      { headers: { 'Content-Type': 'text/plain' }, body: '{}' },
      415,
      'BODY_KIND',
    ],
    ['without a type', { body: new Uint8Array([123, 125]) }, 415, 'BODY_KIND'],
    [
      'with an unknown field',
      { headers: jsonHeaders, body: JSON.stringify({ name: 'a', runs: trials, more: 1 }) },
      400,
      'BODY_INVALID',
    ],
    [
      'with a name that is a path',
      { headers: jsonHeaders, body: JSON.stringify({ name: '../../x', runs: trials }) },
      400,
      'BODY_INVALID',
    ],
    [
      "with the name of the paper's law",
      { headers: jsonHeaders, body: JSON.stringify({ name: 'nemotron-cc', runs: trials }) },
      400,
      'BODY_INVALID',
    ],
    [
      'with too few runs for a law',
      { headers: jsonHeaders, body: JSON.stringify({ name: 'a', runs: trials.slice(0, 4) }) },
      422,
      'CALIBRATION_REFUSED',
    ],
    [
      'of prototype tricks',
      { headers: jsonHeaders, body: '{"__proto__": {"name": "a"}, "constructor": {}}' },
      400,
      'BODY_INVALID',
    ],
  ])('%s is refused', async (_name, init, status, code) => {
    const reply = await server().ask('/calibrations', { method: 'POST', ...init });
    expect(reply).toMatchObject({ status, json: { code } });
  });

  it.each<[string, unknown, string[]]>([
    ['nothing', {}, ['name is missing; it must be a string', 'runs is missing; it must be a list']],
    ['a list', [1, 2], ['the body is [1,2], but it must be an object with the fields name, runs']],
    [
      'invalid runs',
      {
        name: '../x',
        runs: [
          { flops: 0, keep: 3, seed: 1 },
          { flops: '1', keep: 0.1 },
        ],
      },
      [
        'name is "../x", but it must be up to 64 letters, digits, "_" or "-", starting with a letter or digit',
        'runs[0].flops is 0, but it must be a number above 0',
        'runs[0].keep is 3, but it must be a number of at most 1',
        'runs[0] has the unknown field "seed" (known: flops, keep, loss, accuracy)',
        'runs[1].flops is "1", but it must be a number',
      ],
    ],
  ])('with %s gets every problem, named by its field', async (_name, body, problems) => {
    expect(
      (
        await server().ask('/calibrations', {
          method: 'POST',
          headers: jsonHeaders,
          body: JSON.stringify(body),
        })
      ).json,
    ).toMatchObject({ code: 'BODY_INVALID', values: { problems } });
  });

  it('of runs becomes a law under its name, saved and usable as pool', async () => {
    const { ask, run } = server();
    const made = await post('/calibrations', jsonHeaders, JSON.stringify({ name: 'mine', runs: trials }));
    expect(made).toMatchObject({ status: 201, json: { name: 'mine', fit: { measure: 'loss' } } });
    expect(JSON.parse(await readFile(join(run.folder, 'calibrations', 'mine.json'), 'utf8'))).toMatchObject({
      name: 'mine',
    });
    expect(await ask('/rank?budget=1e20&pool=mine&poolTokens=1T')).toMatchObject({
      status: 200,
      json: { law: { name: 'mine' } },
    });
  });

  it('of runs may be CSV, with the name in the query', async () => {
    const csv = ['flops,keep,loss', ...trials.map(({ flops, keep, loss }) => `${flops},${keep},${loss}`)];
    const made = await post('/calibrations?name=csv', { 'Content-Type': 'text/csv' }, csv.join('\n'));
    expect(made).toMatchObject({ status: 201, json: { name: 'csv' } });
    expect(await server().ask('/compare?budgets=1e20&pool=csv&poolTokens=1T')).toMatchObject({ status: 200 });
  });

  it('that becomes a law changes the tag of answers, which may have used another law of that name', async () => {
    const tag = async (): Promise<string | null> =>
      (await server().ask('/rank?budget=1e21')).headers.get('etag');
    const before = await tag();
    await post('/calibrations', jsonHeaders, JSON.stringify({ name: 'tagged', runs: trials }));
    expect(await tag()).not.toBe(before);
  });

  it('that becomes a law is listed by name', async () => {
    for (const name of ['listed-b', 'listed-a'])
      await post('/calibrations', jsonHeaders, JSON.stringify({ name, runs: trials }));
    const names = z
      .object({ calibrations: z.array(z.object({ name: z.string() })) })
      .parse((await server().ask('/calibrations')).json)
      .calibrations.map(({ name }) => name)
      .filter((name) => name.startsWith('listed'));
    expect(names).toEqual(['listed-a', 'listed-b']);
  });

  it.each([
    ['POST', '/rank', 'GET, HEAD'],
    ['DELETE', '/calibrations', 'POST, GET, HEAD'],
    ['PUT', '/jobs', 'POST, GET, HEAD'],
    ['OPTIONS', '/jobs', 'POST, GET, HEAD'],
  ])('%s %s is refused', async (method, path, allowed) => {
    const reply = await server().ask(path, { method });
    expect(reply).toMatchObject({ status: 405, json: { code: 'METHOD_NOT_ALLOWED' } });
    expect(reply.headers.get('allow')).toBe(allowed);
  });
});
