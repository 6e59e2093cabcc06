// Asks ahead, while nothing else is asked, for every set of benchmarks that one more press of a switch would
// choose: the first question for a set takes the server longer than all later ones.

import { send } from './ask.ts';
import { pathsAhead } from './panels.ts';
import { nextSets, type State } from './state.ts';

/**
 * [ours] A set of a larger corpus costs seconds of every core, which is too much for what may not be wanted.
 */
export const documentsAtMost = 1_000_000;
/** How long nothing has to have changed. */
const restMs = 300;

export interface Ahead {
  /** Begins, once the page has come to rest. */
  begin(state: State, benchmarks: readonly string[]): void;
  stop(): void;
}

export function openAhead(): Ahead {
  let going = new AbortController();
  const ask = async (state: State, benchmarks: readonly string[], signal: AbortSignal): Promise<void> => {
    for (const without of nextSets(state.without, benchmarks)) {
      for (const path of pathsAhead) {
        if (signal.aborted) return;
        await (await send(path({ ...state, without }), { signal })).arrayBuffer();
      }
    }
  };
  const stop = (): void => going.abort();
  return {
    begin(state, benchmarks) {
      stop();
      going = new AbortController();
      const { signal } = going;
      // What fails here is told when it is really asked.
      setTimeout(() => void ask(state, benchmarks, signal).catch(() => undefined), restMs);
    },
    stop,
  };
}
