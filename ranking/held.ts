// Which generations are in use by processes, such as a server with open requests. Their parts are kept even
// if another generation is published: each process marks its generations by files in holds/ that list the
// parts.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { commitJson, saveIfPossible } from '../data/files/commit.ts';
import { fail, reasonOf, systemCode, writeError } from '../run/errors/errors.ts';
import { listFolder } from '../data/files/files.ts';
import { isAbandoned, keepOwned, ownedName } from '../data/files/owned-files.ts';
import { readRegular } from '../run/regular-file.ts';
import type { Run } from '../run/run.ts';
import type { Ranking } from './generation.ts';

const heldSchema = z.object({ generation: z.string(), files: z.array(z.string()) });
export type Held = z.output<typeof heldSchema>;

/**
 * Prevents other processes from removing a generation's files until the returned function is called. If
 * nothing can be written to the folder, nothing can be removed from it either.
 */
export async function holdGeneration(run: Run, { generation, parts }: Ranking): Promise<() => Promise<void>> {
  const folder = run.files.holds;
  const mark = join(folder, `${ownedName()}.json`);
  const forget = keepOwned(mark);
  await saveIfPossible(
    mkdir(folder, { recursive: true })
      .catch((error: unknown) => Promise.reject(writeError(error, mark)))
      .then(() => commitJson(mark, { generation, files: parts.map(({ file }) => file) } satisfies Held, 0)),
  );
  return async () => {
    forget();
    await rm(mark, { force: true });
  };
}

/** The generations held by processes that may be alive. */
export async function readHeld(run: Run): Promise<Held[]> {
  const folder = run.files.holds;
  const held: Held[] = [];
  for (const name of await listFolder(folder)) {
    const path = join(folder, name);
    if (name.startsWith('.')) continue;
    if (await isAbandoned(path)) await rm(path, { force: true });
    else held.push(...parseHeld(await readMark(path)));
  }
  return held;
}

/**
 * The mark's text; '' if it has just been removed. An unreadable mark may hold anything, so nothing may be
 * removed.
 */
async function readMark(path: string): Promise<string> {
  try {
    return await readRegular(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

/** Empty if the mark has just been removed or is damaged. */
function parseHeld(text: string): Held[] {
  try {
    return [heldSchema.parse(JSON.parse(text))];
  } catch {
    return [];
  }
}
