// Opens pools of servers for tests, with a pace at which everything happens within a second.

import { tmpdir } from 'node:os';
import { expect } from '@jest/globals';
import type { PoolPace } from '../../../models/endpoint/pool/pool-members.ts';
import { openServerPool } from '../../../models/endpoint/pool/server-pool.ts';
import type { LanguageModel } from '../../../models/language-model.ts';
import type { Servers } from '../../../run/model-settings.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { logProbabilityOf } from './character-model.ts';
import { type LanguageModelServer, openLanguageModelServer } from './language-model-server.ts';
import { servers } from './language-model-servers.ts';
import { ask } from './open-at.ts';

/** To be closed after the test. */
export const open: { close: () => Promise<unknown> }[] = [];

export async function closeAll(): Promise<void> {
  for (const one of open.splice(0)) await one.close();
}

export async function start(
  routes: Parameters<typeof openLanguageModelServer>[0] = servers.completions,
  ...more: [Parameters<typeof openLanguageModelServer>[1]?]
): Promise<LanguageModelServer> {
  const server = await openLanguageModelServer(routes, ...more);
  open.push(server);
  return server;
}

/** Everything happens within a second. */
const quick: PoolPace = {
  request: { attempts: 2, firstWaitMs: 1, longestWaitMs: 5 },
  pollMs: 20,
  firstRestMs: 50,
  longestRestMs: 200,
  graceMs: 200,
  slowMs: 150,
};

interface Opened {
  model: LanguageModel;
  messages: string[];
}

export async function openPool(
  model: Servers,
  more: Readonly<Record<string, unknown>> = {},
  messages: string[] = [],
): Promise<Opened> {
  const { models } = settingsSchema.parse({
    corpus: { files: ['a'] },
    models: [{ name: 'judge', model, requestsAtOnce: 4, waitSeconds: 5, ...more }],
  });
  const [settings] = models;
  if (settings === undefined) throw new Error('no model');
  const pool = await openServerPool(settings, model, tmpdir(), quick, (message) => messages.push(message));
  open.push(pool);
  return { model: pool, messages };
}

const prompts = Array.from({ length: 36 }, (_, i) => `prompt ${i}`);

/** Asks everything at once, and compares every answer with the model's. */
export async function askAll(model: LanguageModel): Promise<void> {
  const answers = await Promise.all(prompts.map((prompt) => ask(model, prompt, ['b'])));
  for (const [i, [answer]] of answers.entries())
    expect(answer?.logProbability).toBeCloseTo(logProbabilityOf(prompts[i] ?? '', 'b'), 9);
}

/** How many completions a server was asked for. */
export const completionsAt = ({ asked }: LanguageModelServer): number =>
  asked.filter(({ route }) => route.endsWith('/completions')).length;
