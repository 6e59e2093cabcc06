// How much work a server has at once.

import type { ModelEntry } from '../../../run/model-settings.ts';

/** Calls for one server. Its requests have their own limit; a second call fills the gaps between those of a first. */
export function callsAtServer({ requestsAtOnce }: Pick<ModelEntry, 'requestsAtOnce'>): number {
  return 2 * requestsAtOnce;
}
