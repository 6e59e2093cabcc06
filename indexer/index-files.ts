// The files of the index: the next one is built next to the current one, and replaces it once it is
// complete.

import { sizeOf } from '../data/files/files.ts';
import { basename, join } from 'node:path';
import { copyFile, link, mkdir, rename, rm } from 'node:fs/promises';
import type { RunFiles } from '../run/files.ts';
import type { Run } from '../run/run.ts';
import type { IndexCard } from './index-card.ts';
import type { IndexInputs } from './inputs.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { BetrError, ifThere } from '../run/errors/errors.ts';
import { readSealedJson } from '../data/files/commit.ts';
import type { z } from 'zod';

const outputs = ['examples', 'sample', 'tokens', 'index', 'targets'] as const;
export type IndexFiles = Pick<RunFiles, (typeof outputs)[number]>;

/**
 * The files of the next index. They are in a separate folder, which starts with those of the current index.
 */
export async function openNext({ files }: Run): Promise<IndexFiles> {
  await mkdir(files.nextIndex, { recursive: true });
  const place = (output: (typeof outputs)[number]): string => join(files.nextIndex, basename(files[output]));
  const next = {
    examples: place('examples'),
    sample: place('sample'),
    tokens: place('tokens'),
    index: place('index'),
    targets: place('targets'),
  };
  for (const output of outputs) {
    if ((await sizeOf(next[output])) === undefined && (await sizeOf(files[output])) !== undefined)
      await link(files[output], next[output]).catch(() => copyFile(files[output], next[output]));
  }
  return next;
}

/** Replaces the files of the current index with those of the next one. */
export async function takeOver({ files }: Run, next: IndexFiles): Promise<void> {
  // Files change one after the other; without the card, no command combines an old file with a new one.
  await rm(files.indexCard, { force: true });
  for (const output of outputs) await rename(next[output], files[output]);
  await rm(files.nextIndex, { recursive: true });
}

export async function isWhole(run: Run, card: IndexCard, inputs: IndexInputs): Promise<boolean> {
  if (
    card.inputs.tests !== inputs.tests ||
    card.inputs.sample !== inputs.sample ||
    card.inputs.examples !== inputs.examples ||
    card.inputs.embedding !== inputs.embedding ||
    card.inputs.search !== inputs.search
  )
    return false;
  for (const output of outputs)
    if ((await sha256If(run.files[output])) !== card.outputs[output]) return false;
  return true;
}

export async function hashOutputs({
  examples,
  sample,
  tokens,
  index,
  targets,
}: IndexFiles): Promise<IndexCard['outputs']> {
  return {
    examples: await sha256File(examples),
    sample: await sha256File(sample),
    tokens: await sha256File(tokens),
    index: await sha256File(index),
    targets: await sha256File(targets),
  };
}

export function sha256If(path: string): Promise<string | undefined> {
  return ifThere(sha256File(path));
}

/** Removes files that differ from what the last run wrote, so they are written again. */
export async function dropDamaged(run: Run, last: IndexCard): Promise<void> {
  for (const output of outputs)
    if ((await sha256If(run.files[output])) !== last.outputs[output])
      await rm(run.files[output], { force: true });
}

/**
 * The output of an earlier run; undefined if it is missing or damaged, because this command will write it
 * again.
 */
export async function readOr<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return await readSealedJson(path, schema, 'betr index');
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}
