// While the page is idle, prefetches the answers for every set of benchmarks that is one click away: the
// server needs longer for the first question about a set than for later ones.

import { send } from './ask.ts';
import { pathsAhead } from './panels.ts';
import { nextSets, type State } from './state.ts';

/** [ours] A set of a larger corpus costs seconds on every core, too much for a guess. */
export const documentsAtMost = 1_000_000;
/** How long the page must be idle. */
const restMs = 300;

export interface Ahead {
  /** Starts once the page is idle. */
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
      // A failure here is reported when the user asks for the same.
      setTimeout(() => void ask(state, benchmarks, signal).catch(() => undefined), restMs);
    },
    stop,
  };
}
