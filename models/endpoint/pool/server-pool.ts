// A language model at several servers that share its work. Each server gets enough calls to keep it busy; the
// others wait in one line, so that a slow server does not hold them up. A server that fails or falls behind
// is left out for a while, and its calls move to the others. With a folder, servers join and leave as their
// files do.

import { fail } from '../../../run/errors/errors.ts';
import { fingerprint } from '../../../run/run.ts';
import { type ModelEntry, type Servers, showPlace } from '../../../run/model-settings.ts';
import type { LanguageModel } from '../../language-model.ts';
import { callsAtServer } from './calls-at-server.ts';
import { defaultPoolPace, PoolMembers, type PoolPace, type Tell } from './pool-members.ts';
import { PoolLine } from './pool-line.ts';

/**
 * Opens a model at several servers; a relative folder starts from `baseFolder`. Waits until one of them
 * answers. `pace` and `tell` are for tests. Errors: LANGUAGE_MODEL_DIFFERS, LANGUAGE_MODEL_NO_SERVER, and,
 * for a server in a list, those of `openEndpointModel` that no waiting mends.
 */
export async function openServerPool(
  settings: ModelEntry,
  servers: Servers,
  baseFolder: string,
  pace: PoolPace = defaultPoolPace,
  tell: Tell = (message) => void process.stderr.write(`betr: ${settings.name}: ${message}\n`),
): Promise<LanguageModel> {
  const members = new PoolMembers(settings, servers, baseFolder, pace, tell);
  const line = new PoolLine(members, settings, showPlace(servers), pace, tell);
  try {
    await members.openAll();
    await line.waitForServer();
  } catch (error) {
    line.close();
    await members.close();
    throw error;
  }
  const { first } = members;
  if (first === undefined) throw fail('INTERNAL', { reason: 'a pool without a server was opened' });
  return {
    ...first.model,
    // The same whichever server answers, and however many there are.
    fingerprint: fingerprint({ endpoint: 1, ...first.identity }),
    source: { ...first.model.source, place: showPlace(servers) },
    logProbabilities: (questions, cut) => line.call((model) => model.logProbabilities(questions, cut)),
    textLogProbability: (text) => line.call((model) => model.textLogProbability(text)),
    generate: (prompt, sampling) => line.call((model) => model.generate(prompt, sampling)),
    close: async () => {
      line.close();
      await members.close();
    },
    get callsAtOnce() {
      return callsAtServer(settings) * Math.max(1, members.ready().length);
    },
  };
}
