// A language model that answers through files: another program reads the requests and writes the answers, on a
// machine that betr does not reach. Only stored answers are known.

import { fail } from '../../run/errors/errors.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { fingerprint } from '../../run/run.ts';
import { topTokens } from '../endpoint/routes/request-bodies.ts';
import type { LanguageModel } from '../language-model.ts';

const reason =
  'its answers come from files; write the requests with "betr judge JUDGE --write-batch FILE" and read the answers ' +
  'with "betr judge JUDGE --read-batch FILE" (both with --all to judge every document)';

/** Opens the model named `endpointModel`. Errors: LANGUAGE_MODEL_NAME_MISSING. */
export function openBatchModel(settings: ModelSettings): LanguageModel {
  const { name, endpointModel, chat } = settings;
  const topK = topTokens(settings, chat);
  if (endpointModel === undefined) throw fail('LANGUAGE_MODEL_NAME_MISSING', { model: name });
  const refuse = (what: string) => (): Promise<never> =>
    Promise.reject(fail('LANGUAGE_MODEL_CANNOT', { model: name, what, reason }));
  return {
    name,
    fingerprint: fingerprint({ batch: 1, model: endpointModel, chat, topK }),
    contextTokens: settings.contextTokens ?? null,
    beginning: null,
    lacks: { logProbabilities: reason, textLogProbability: reason, generate: reason },
    continuations: 'one token',
    obeysControlTokens: true,
    answersLater: true,
    chatFields: {},
    source: {
      backEnd: 'batch',
      place: endpointModel,
      quantization: null,
      precision: 'top-k',
      topK,
      route: chat ? '/v1/chat/completions' : '/v1/completions',
    },
    logProbabilities: refuse('answer now'),
    textLogProbability: refuse('give the log probability of a whole text'),
    generate: refuse('write'),
    close: () => Promise.resolve(),
  };
}
