// Opens servers and models for the tests of both.

import { openEndpointModel } from '../../../models/endpoint/language-model.ts';
import type { ContinuationAnswer, LanguageModel } from '../../../models/language-model.ts';
import { settingsSchema } from '../../../run/settings.ts';

/** Opens the model at a server, which is tried three times at once. */
export function openAt(url: string, more: Readonly<Record<string, unknown>> = {}): Promise<LanguageModel> {
  const { models } = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model: url, ...more }],
  });
  const [settings] = models;
  if (settings === undefined) throw new Error('no model');
  return openEndpointModel({ ...settings, model: url }, { attempts: 3, firstWaitMs: 1, longestWaitMs: 5 });
}

/** The answers to one question. */
export async function ask(
  model: LanguageModel,
  prompt: string,
  continuations: readonly string[],
): Promise<ContinuationAnswer[]> {
  const [answer] = await model.logProbabilities([{ prompt, continuations }], 'start');
  return answer?.continuations ?? [];
}
