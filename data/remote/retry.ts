// Tries again what may pass: exponential back-off with jitter, longer where the server asks for it, never
// shorter.

import { setTimeout } from 'node:timers/promises';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { RemoteProblem } from './store.ts';
import { showPath } from '../../run/address.ts';

/** How often to try, and how long to wait in between. */
export interface Pace {
  attempts: number;
  firstWaitMs: number;
  longestWaitMs: number;
  /** The longest wait that a server may ask for; `longestWaitMs` where left out. */
  longestAskedMs?: number;
}

/**
 * Attempts in a row without any progress before giving up; the waits between them come to about half a
 * minute. Tests set them shorter.
 */
export const pace: Pace = { attempts: 8, firstWaitMs: 300, longestWaitMs: 30_000 };

export interface Attempts {
  /**
   * Waits before the next attempt, or throws the catalogue's error where there is none or it would not help.
   */
  failed(error: unknown): Promise<void>;
  /** Something came through: the count starts anew. */
  progressed(): void;
}

/**
 * Counts the attempts at one address. Errors of `failed`: REMOTE_NOT_FOUND, SHARD_CHANGED, REMOTE_DENIED,
 * REMOTE_FAILED.
 */
export function countAttempts(url: string): Attempts {
  return countAttemptsAt(pace, (problem, failures) => catalogueError(url, problem, failures));
}

/** Counts attempts at a pace; `giveUp` makes the error of the last one. */
export function countAttemptsAt(
  ownPace: Pace,
  giveUp: (problem: RemoteProblem, failures: number) => BetrError,
): Attempts {
  let failures = 0;
  return {
    async failed(error) {
      if (error instanceof BetrError) throw error;
      failures++;
      const problem =
        error instanceof RemoteProblem
          ? error
          : new RemoteProblem('passing', reasonOf(error), { cause: error });
      if (problem.kind !== 'passing' || failures >= ownPace.attempts) throw giveUp(problem, failures);
      await backOff(ownPace, failures, problem.retryAfterMs);
    },
    progressed() {
      failures = 0;
    },
  };
}

/** Waits after so many failures in a row; `retryAfterMs` is what the server asked for. */
export async function backOff(
  { firstWaitMs, longestWaitMs, longestAskedMs = longestWaitMs }: Pace,
  failures: number,
  retryAfterMs = 0,
): Promise<void> {
  // Half of the wait is random, so that clients that failed together do not come back together.
  const ms = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  // Overloaded servers say "Retry-After: 0", too.
  await setTimeout(Math.max(ms, Math.min(longestAskedMs, retryAfterMs)));
}

/**
 * Runs `attempt` until it gives something. Errors: those of `countAttempts`, or of the attempts handed in.
 */
export async function retry<T>(
  url: string,
  attempt: () => Promise<T>,
  attempts = countAttempts(url),
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await attempts.failed(error);
    }
  }
}

function catalogueError(url: string, problem: RemoteProblem, attempts: number): BetrError {
  const shown = showPath(url);
  // Libraries may repeat the address in what they say.
  const reason = problem.message.replaceAll(url, shown);
  switch (problem.kind) {
    case 'missing':
      return fail('REMOTE_NOT_FOUND', { url: shown, reason }, problem);
    case 'changed':
      return fail('SHARD_CHANGED', { path: shown }, problem);
    case 'denied':
      return fail('REMOTE_DENIED', { url: shown, reason }, problem);
    case 'passing':
    case 'lasting':
      return fail(
        'REMOTE_FAILED',
        { url: shown, reason, attempts, mayPass: problem.kind === 'passing' },
        problem,
      );
  }
}
