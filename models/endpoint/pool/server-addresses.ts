// The addresses of several servers: a list, or a folder in which each running server has a file with its own.

import { type FileHandle, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { reasonOf, systemCode } from '../../../run/errors/errors.ts';
import { escapeControls } from '../../../run/escape-controls.ts';
import type { Servers } from '../../../run/model-settings.ts';
import { openRegular } from '../../../run/regular-file.ts';

/** No address is longer. */
const mostBytes = 4096;
const shownCharacters = 100;

export interface Addresses {
  /** Undefined if the folder cannot be read at the moment. */
  found: string[] | undefined;
  /** Why some files, or the folder, have none. */
  problems: string[];
}

/** Reads the addresses, each once, in order; a relative folder starts from `baseFolder`. */
export async function readAddresses(servers: Servers, baseFolder: string): Promise<Addresses> {
  if (!('servers' in servers)) return { found: [...new Set(servers)], problems: [] };
  const folder = resolve(baseFolder, servers.servers);
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    return systemCode(error) === 'ENOENT'
      ? { found: [], problems: [`the folder ${folder} does not exist`] }
      : { found: undefined, problems: [`the folder ${folder} cannot be read: ${reasonOf(error)}`] };
  }
  const found = new Set<string>();
  const problems: string[] = [];
  // Files that begin with a dot are still being written.
  for (const name of names.filter((own) => !own.startsWith('.')).sort()) {
    const path = join(folder, name);
    const line = await readFirstLine(path);
    if (line === undefined || line === '') continue;
    if (typeof line === 'object') problems.push(`${path} cannot be read: ${line.problem}`);
    else if (/^https?:\/\/\S+$/i.test(line)) found.add(line);
    else
      problems.push(
        `${path} has "${escapeControls(line.slice(0, shownCharacters))}" in place of an address such as ` +
          'http://node7:8000',
      );
  }
  return { found: [...found], problems };
}

/** The first line, or why it cannot be read; undefined if the file is gone. */
async function readFirstLine(path: string): Promise<string | { problem: string } | undefined> {
  let file: FileHandle;
  try {
    file = await openRegular(path);
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? undefined : { problem: reasonOf(error) };
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return (buffer.toString('utf8', 0, bytesRead).split('\n')[0] ?? '').trim();
  } catch (error) {
    return { problem: reasonOf(error) };
  } finally {
    await file.close();
  }
}
