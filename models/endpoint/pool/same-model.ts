// Whether the servers of a pool have the same model.

import { fail } from '../../../run/errors/errors.ts';
import type { LanguageModel } from '../../language-model.ts';
import type { Identity } from '../language-model.ts';

export interface OpenedServer {
  /** The address without secrets. */
  shown: string;
  model: LanguageModel;
  identity: Identity;
}

/**
 * Throws if a server has another model than the first one of its pool. `name` is the model's in the settings. Errors:
 * LANGUAGE_MODEL_REFUSED if it does not say which model it has, LANGUAGE_MODEL_DIFFERS.
 */
export function checkSame(
  name: string,
  { shown, model, identity }: OpenedServer,
  first: OpenedServer | undefined,
): void {
  if (identity.model === null)
    throw fail('LANGUAGE_MODEL_REFUSED', {
      url: shown,
      problem:
        'it does not name its model, so nobody can tell whether all servers have the same: set endpointModel',
    });
  if (first === undefined) return;
  const before = partsOf(first.model, first.identity);
  const differences = partsOf(model, identity).flatMap(([what, value], i) =>
    value === before[i]?.[1] ? [] : [`${what} ${value} instead of ${before[i]?.[1] ?? ''}`],
  );
  if (differences.length > 0)
    throw fail('LANGUAGE_MODEL_DIFFERS', {
      model: name,
      url: shown,
      other: first.shown,
      differences: differences.join(', '),
    });
}

/** What must be the same at all servers, in words. */
function partsOf({ beginning }: LanguageModel, identity: Identity): [what: string, value: string][] {
  return [
    ['model', JSON.stringify(identity.model)],
    ['quantization', String(identity.weights)],
    ['context', String(identity.contextTokens)],
    ['route', identity.route],
    ['tokenizer', identity.byTokens ? 'at the server' : 'unknown'],
    ['beginning', JSON.stringify(beginning)],
    ['logprobs mode', identity.logprobsMode ?? 'unknown'],
  ];
}
