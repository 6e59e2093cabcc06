// Problems of a worker: which stop only a shard, and which stop the worker.

import { BetrError, type ErrorCode, type ErrorData, errorFrom, fail } from '../run/errors/errors.ts';
import type { Task } from './tasks.ts';
import { checkShard, type ScoringContext } from './score-chunk.ts';

const shardErrors: readonly ErrorCode[] = [
  'SHARD_CHANGED',
  'FILE_NOT_FOUND',
  'REMOTE_NOT_FOUND',
  'FILE_UNREADABLE',
  'COLUMN_MISSING',
  'COLUMN_TYPE',
];

export function isOfShard(error: unknown): error is BetrError {
  return error instanceof BetrError && shardErrors.includes(error.code);
}

/**
 * Combines the problems of shards into one error: that of the only shard, or SHARDS_FAILED. Several chunks
 * and workers may report the same problem.
 */
export function problemOf(problems: readonly ErrorData[]): BetrError | undefined {
  const byShard = new Map(
    problems.map((problem) => [problem.values['path'] ?? problem.values['url'] ?? problem.message, problem]),
  );
  const [only] = byShard.values();
  if (only === undefined) return undefined;
  return byShard.size === 1
    ? errorFrom(only)
    : fail('SHARDS_FAILED', { problems: [...byShard.values()].map(({ message }) => message).sort() });
}

/**
 * The problems of a task's shards, by shard; `met` is the first. Reads all shards of a pack, so that users
 * can fix all problems at once.
 */
export async function findProblems(
  { pieces }: Task,
  context: ScoringContext | undefined,
  met: BetrError,
): Promise<Map<string, BetrError>> {
  const problems = new Map<string, BetrError>();
  if (context !== undefined && pieces.length > 1)
    for (const { shard } of pieces) {
      await checkShard(shard, context).catch((error: unknown) => {
        if (!isOfShard(error)) throw error;
        problems.set(shard.name, error);
      });
    }
  // The problem may be gone by now; the task is left for the next command anyway.
  if (problems.size === 0) problems.set(pieces[0]?.shard.name ?? '', met);
  return problems;
}
