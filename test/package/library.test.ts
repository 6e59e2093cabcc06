// The package as others import it: by its name, from a folder of their own.

import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { answer, compare, documents, openRun } from '../../index.ts';
import { answerSchema } from '../../ranking/budget/question.ts';
import { makeScoredRows } from '../ranking/synthetic.ts';
import { shareServer } from '../server/serve.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const server = shareServer(makeScoredRows(900));

describe('the library', () => {
  it('returns the same results as the server', async () => {
    const {
      ask,
      run: { settingsFolder, settingsPath, folder },
    } = server();
    for (const path of [settingsPath, settingsFolder, folder]) {
      const run = await openRun(path);
      expect(run).toEqual({ folder, scorer: 'betr' });
      expect(await answer(run, { budget: 1e21, poolTokens: 1e12 })).toEqual(
        (await ask('/rank?budget=1e21&poolTokens=1T')).json,
      );
    }
    const run = await openRun(settingsPath);
    expect(await answer(run, { keep: 0.1, benchmarks: ['mmlu', 'gsm8k'] })).toEqual(
      (await ask('/rank?keep=0.1&benchmarks=mmlu,gsm8k')).json,
    );
    expect(await compare(run, { params: [1e9, 7e9] }, { poolTokens: 1e12 })).toEqual(
      (await ask('/compare?params=1B,7B&poolTokens=1T')).json,
    );
    const first = await documents(run, { order: 'bottom', source: 'code', limit: 5 });
    const page = (await ask('/documents?order=bottom&source=code&limit=5&characters=0')).json;
    expect(page).toMatchObject({ documents: { documents: first.documents, next: first.next } });
    const next = await documents(run, {
      order: 'bottom',
      source: 'code',
      limit: 5,
      cursor: first.next ?? '',
    });
    expect(next.documents[0]?.score).toBeGreaterThanOrEqual(first.documents[4]?.score ?? Infinity);
  });

  it('reports invalid arguments with the codes of the catalog', async () => {
    const {
      run: { settingsPath },
    } = server();
    const run = await openRun(settingsPath);
    const fromJavaScript = async (question: unknown): Promise<unknown> => {
      const answered: unknown = await Reflect.apply(answer, undefined, [run, question]);
      return answered;
    };
    await expect(fromJavaScript({ budget: '1e21' })).rejects.toMatchObject({
      name: 'BetrError',
      code: 'USAGE',
      message: 'budget is "1e21", but it must be a number.',
    });
    await expect(fromJavaScript({ bugdet: 1e21 })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('unknown field "bugdet" (known: budget, params, '),
    });
    await expect(fromJavaScript({})).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('Give one or two of FLOPs'),
    });
    await expect(documents(run, { limit: 0 })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('limit is 0, but it must be a number of at least 1'),
    });
    await expect(answer({ ...run }, { keep: 0.1 })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'The run must come from openRun.',
    });
    await expect(openRun(join(settingsPath, 'nowhere'))).rejects.toMatchObject({
      code: 'SETTINGS_NOT_FOUND',
    });
    await expect(openRun(settingsPath, { scorer: 'length' })).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });

  it.each<[unknown[], string]>([
    [[], 'The argument is missing'],
    [[null], 'a string'],
    [[5], 'a string'],
    [[{}], 'a string'],
    [[''], 'a string of 1 or more characters'],
    [['a', { scorer: 5 }], 'scorer is 5, but it must be a string'],
    [['a', { scorrer: 'random' }], 'unknown field "scorrer" (known: scorer)'],
    [['a', null], 'an object with the fields scorer'],
  ])('refuses openRun(...%j)', async (given, message) => {
    const open = async (): Promise<unknown> => {
      const run: unknown = await Reflect.apply(openRun, undefined, given);
      return run;
    };
    await expect(open()).rejects.toMatchObject({
      name: 'BetrError',
      code: 'USAGE',
      message: expect.stringContaining(message),
    });
  });

  it('runs the example of its page, and ends', async () => {
    const {
      ask,
      run: { settingsPath },
    } = server();
    const folder = dirname(settingsPath);
    const [, example = ''] =
      /```ts\n([^]*?)```/.exec(await readFile(join(root, 'docs', 'library.md'), 'utf8')) ?? [];
    await mkdir(join(folder, 'node_modules'));
    await symlink(root, join(folder, 'node_modules', 'betr'));
    await writeFile(join(folder, 'example.mjs'), example);
    const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], {
      cwd: folder,
      timeout: 30_000,
    });
    const { cutoff } = answerSchema.parse((await ask('/rank?budget=1e21&poolTokens=1T')).json);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^keep \d+\.\d\d% of the tokens, \d+ documents, score ≥ /);
    expect(lines[0]).toContain(`${cutoff.documents} documents, score ≥ ${String(cutoff.score)}`);
    expect(lines.slice(1, 4).map((line) => line.split(': ')[0])).toEqual([
      '1B parameters',
      '7B parameters',
      'no filter',
    ]);
    expect(lines.slice(4, 7)).toEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/^corpus\/shard-\d\.jsonl row \d+: 1\.\d+$/)),
    );
    expect(lines[7]).toMatch(/^USAGE: keep is 2, but it must be/);
    await expect(
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', "import 'betr/dist/data/run.js'"], {
        cwd: folder,
      }),
    ).rejects.toMatchObject({ stderr: expect.stringContaining('ERR_PACKAGE_PATH_NOT_EXPORTED') });
  });
});
