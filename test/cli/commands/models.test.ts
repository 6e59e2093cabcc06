import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { openLanguageModelServer } from '../../models/endpoint/language-model-server.ts';
import { servers } from '../../models/endpoint/language-model-servers.ts';
import { betr } from '../betr.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-models-'));
});
afterAll(() => rm(folder, { recursive: true }));

const write = (models: unknown): Promise<void> =>
  writeFile(join(folder, 'betr.yaml'), JSON.stringify({ corpus: { files: ['a'] }, models }));
const reportSchema = z.object({
  models: z.array(
    z.object({
      name: z.string(),
      error: z.object({ code: z.string() }).optional(),
      contextTokens: z.number().nullish(),
      questionsPerSecond: z.number().positive().optional(),
      test: z
        .object({
          logProbabilities: z.record(z.string(), z.number().nullable()),
          spread: z.number().max(1e-9),
          generated: z.string().min(1),
        })
        .optional(),
    }),
  ),
});

it('loads every model, and says which of them cannot be loaded', async () => {
  const server = await openLanguageModelServer({ ...servers['llama.cpp'] });
  try {
    await write([
      { name: 'try', model: 'dummy' },
      { name: 'server', model: server.url },
      { name: 'gone', model: 'no/such/folder/at all' },
    ]);
    const { code, stdout } = await betr(folder, ['models', '--json']);
    const { models } = reportSchema.parse(JSON.parse(stdout));
    expect(code).toBe(1);
    expect(models.map(({ name, error }) => [name, error?.code])).toEqual([
      ['try', undefined],
      ['server', undefined],
      ['gone', 'LANGUAGE_MODEL_UNAVAILABLE'],
    ]);
    expect(models[1]).toMatchObject({ contextTokens: 512 });
    for (const model of models.slice(0, 2)) {
      expect(model.questionsPerSecond).toBeGreaterThan(0);
      expect(Object.keys(model.test?.logProbabilities ?? {})).toEqual([' Paris', ' London']);
    }
    const text = await betr(folder, ['models', 'server']);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('512 tokens');
    expect(text.stdout).toContain(
      'lacks        log probabilities of whole texts: llama.cpp does not echo prompts',
    );
    expect(text.stdout).not.toContain('dummy');
    // A server knows the prompts of the first time, and would answer these faster.
    const long = server.asked.flatMap(({ body: { prompt } }) =>
      Array.isArray(prompt) && prompt.length > 50 ? [prompt.join()] : [],
    );
    expect(long.length).toBeGreaterThan(3);
    expect(new Set(long).size).toBe(long.length);
  } finally {
    await server.close();
  }
});

it('shows addresses without their queries', async () => {
  await write([{ name: 'gone', model: 'http://[::1/v1?sig=signature' }]);
  for (const more of [[], ['--json']]) {
    const { stdout } = await betr(folder, ['models', ...more]);
    expect(stdout).toContain('http://[::1/v1');
    expect(stdout).toContain('its address is not valid');
    expect(stdout).not.toContain('signature');
  }
});

it('rejects an unknown name and duplicate names in the settings', async () => {
  await write([{ name: 'try', model: 'dummy' }]);
  const unknown = await betr(folder, ['models', 'other']);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('They have: try. [LANGUAGE_MODEL_UNKNOWN]');
  await write([
    { name: 'try', model: 'dummy' },
    { name: 'try', model: 'dummy:2' },
  ]);
  expect((await betr(folder, ['models'])).stderr).toContain(
    'models[1].name is "try", but it must be a name that no earlier model has',
  );
  await write([{ name: 'try', model: 'dummy', modle: 1 }]);
  expect((await betr(folder, ['models'])).stderr).toContain('modle');
  await write([]);
  expect((await betr(folder, ['models'])).stdout).toContain('The settings list no models');
});
