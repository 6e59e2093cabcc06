// The tasks of a plan that still have to be scored, and the parts that are there or lost.

import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, systemCode } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { cardFile, type ListedPart, quarantineFile } from './part.ts';
import type { Task } from './tasks.ts';
import { isWhole, readPublishedParts } from './published.ts';
import { foldManifests } from './fold-manifests.ts';

interface OpenTasks {
  open: Task[];
  /** Published parts that are missing, altered or unreadable: the file and the reason. */
  lost: string[];
  /** Descriptions of open tasks that lack a published part. */
  unlisted: string[];
  /** Problems of the manifests. */
  problems: string[];
  byChunk: ReadonlyMap<string, readonly ListedPart[]>;
}

/**
 * The tasks that are not completely published, and the problems of their published parts. Errors:
 * FILE_UNREADABLE.
 */
export async function listOpenTasks(run: Run, tasks: readonly Task[]): Promise<OpenTasks> {
  const { byChunk, problems } = await readPublishedParts(run);
  const open: Task[] = [];
  const lost: string[] = [];
  const unlisted: string[] = [];
  for (const task of tasks) {
    const parts = byChunk.get(task.name) ?? [];
    const { present, problem } = await takePresent(run, parts);
    if (isWhole(present)) continue;
    open.push(task);
    if (problem === undefined) unlisted.push(describeOpen(task, parts.length));
    else lost.push(problem);
  }
  return { open, lost, unlisted, problems, byChunk };
}

/** Describes a task that is not complete, of which `parts` parts are published. */
export function describeOpen({ name, pieces }: Task, parts: number): string {
  const [first] = pieces;
  const what =
    pieces.length > 1
      ? `${pieces.length} shards starting with ${first?.shard.name ?? ''}`
      : `${first?.shard.name ?? ''} from row ${first?.chunk.firstRow ?? 0}`;
  const published =
    parts === 0
      ? 'no part is published'
      : `${parts === 1 ? '1 part is' : `${parts} parts are`} published, but not the last one`;
  return `${what} (chunk ${name}): ${published}`;
}

/**
 * The usable parts of a chunk up to the first unusable one, and what is wrong with that one. Parts after a
 * gap do not count.
 */
async function takePresent(
  run: Run,
  parts: readonly ListedPart[],
): Promise<{ present: readonly ListedPart[]; problem?: string }> {
  for (const [index, part] of parts.entries()) {
    const problem = await findProblem(run, part);
    if (problem !== undefined) return { present: parts.slice(0, index), problem };
  }
  return { present: parts };
}

/** The first unusable file of a part and the reason; undefined if all are usable. */
async function findProblem(
  { files: { scores, quarantine } }: Run,
  { file, bytes, quarantined }: ListedPart,
): Promise<string | undefined> {
  return (
    (await findFileProblem(join(scores, file), bytes)) ??
    (await findFileProblem(join(scores, cardFile(file)))) ??
    (quarantined === 0 ? undefined : findFileProblem(join(quarantine, quarantineFile(file))))
  );
}

async function findFileProblem(path: string, bytes?: number): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isFile()) return `${path}: it is ${found.isDirectory() ? 'a folder' : 'not a regular file'}`;
    if (bytes === undefined ? found.size === 0 : found.size !== bytes)
      return `${path}: it has ${found.size} bytes${bytes === undefined ? '' : `, but ${bytes} were written`}`;
    await access(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return `${path}: ${systemCode(error) === 'ENOENT' ? 'it is missing' : reasonOf(error)}`;
  }
}

/**
 * Removes missing and truncated parts from the manifest, so that they are made again. The caller must have
 * the run's lock.
 */
export async function forgetLostParts(run: Run): Promise<void> {
  const lost = new Set<string>();
  for (const parts of (await readPublishedParts(run)).byChunk.values()) {
    const { present } = await takePresent(run, parts);
    for (const { file } of parts.slice(present.length)) lost.add(file);
  }
  await foldManifests(run, ({ file }) => !lost.has(file));
}
