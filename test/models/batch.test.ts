// Models that answer later, and how addresses of models are written.

import { describe, expect, it } from '@jest/globals';
import { type LanguageModel } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import { settingsSchema } from '../../run/settings.ts';
import { openLanguageModelServer } from './endpoint/language-model-server.ts';
import { servers } from './endpoint/language-model-servers.ts';

function open(model: string, more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> {
  const settings = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model, threads: 2, ...more }],
  });
  return openLanguageModel(settings, 'judge', process.cwd());
}

describe('batch', () => {
  it('has a card, the same each time, and refuses what takes an answer now', async () => {
    const more = { endpointModel: 'Qwen/Qwen3-8B' };
    const [model, again] = [await open('batch', more), await open('batch', more)];
    expect(model).toMatchObject({ name: 'judge', answersLater: true, continuations: 'one token' });
    expect(model.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(again.fingerprint).toBe(model.fingerprint);
    expect(model.source).toMatchObject({ precision: 'top-k', topK: 20 });
    const question = { prompt: 'One and one is', continuations: [' two'] };
    for (const asked of [
      () => model.logProbabilities([question], 'start'),
      () => model.textLogProbability('text'),
      () => model.generate('Once', { maxTokens: 2 }),
    ])
      await expect(asked()).rejects.toMatchObject({
        code: 'LANGUAGE_MODEL_CANNOT',
        message: expect.stringContaining('--write-batch'),
      });
    expect(Object.keys(model.lacks)).toEqual(['logProbabilities', 'textLogProbability', 'generate']);
    await model.close();
    await again.close();
  });
});

describe('an address', () => {
  it('may be in capitals', async () => {
    const server = await openLanguageModelServer(servers.chat);
    const model = await open(server.url.replace('http', 'HTTP'));
    expect(model.source).toMatchObject({ backEnd: 'endpoint', route: 'chat' });
    await model.close();
    await server.close();
  });
});
