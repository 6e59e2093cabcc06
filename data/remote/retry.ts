// Retries transient failures with exponential backoff and jitter, longer if the server asks for it.

import { setTimeout } from 'node:timers/promises';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { RemoteProblem } from './store.ts';
import { showPath } from '../../run/address.ts';

/** How often to try, and how long to wait between attempts. */
export interface Pace {
  attempts: number;
  firstWaitMs: number;
  longestWaitMs: number;
  /** The longest wait that a server may ask for; by default `longestWaitMs`. */
  longestAskedMs?: number;
}

/**
 * Consecutive attempts without progress before giving up; the waits add up to about half a minute. Tests
 * shorten them.
 */
export const pace: Pace = { attempts: 8, firstWaitMs: 300, longestWaitMs: 30_000 };

export interface Attempts {
  /**
   * Waits before the next attempt, or throws the final error if there are no more attempts or a retry would
   * not help.
   */
  failed(error: unknown): Promise<void>;
  /** Data arrived: resets the count. */
  progressed(): void;
}

/**
 * Counts the attempts for one address. Errors of `failed`: REMOTE_NOT_FOUND, SHARD_CHANGED, REMOTE_DENIED,
 * REMOTE_FAILED.
 */
export function countAttempts(url: string): Attempts {
  return countAttemptsAt(pace, (problem, failures) => catalogError(url, problem, failures));
}

/** Counts attempts with the given pace; `giveUp` makes the final error. */
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
  // Half of the wait is random, so that clients that failed together do not retry together.
  const ms = Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  // Overloaded servers may send "Retry-After: 0".
  await setTimeout(Math.max(ms, Math.min(longestAskedMs, retryAfterMs)));
}

/** Runs `attempt` until it succeeds. Errors: those of `countAttempts`, or of the given `attempts`. */
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

function catalogError(url: string, problem: RemoteProblem, attempts: number): BetrError {
  const shown = showPath(url);
  // Messages of libraries may contain the address.
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
