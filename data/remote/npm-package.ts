// Fetches files from npm packages without installing them: packed by npm, checked against a pinned digest,
// and unpacked into the cache. No package scripts run, and no dependencies are fetched.

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
  /** sha512-… of the packed file, as in a lock file. */
  integrity: string;
  /** Files and folders to unpack; by default, all. */
  only?: readonly string[];
  /** Packages to unpack into its node_modules. */
  dependencies?: readonly NpmPackage[];
}

/**
 * The folder of the unpacked package, from the cache if it is there. Errors: NPM_PACKAGE_UNAVAILABLE,
 * CACHE_UNUSABLE, DISK_FULL, WRITE_FAILED.
 */
export async function fetchNpmPackage(asked: NpmPackage): Promise<string> {
  const { spec } = asked;
  const name = folderName(asked);
  const known = findInCache('npm', name);
  if (known !== undefined) return known;
  const cache = openCache();
  const folder = join(cache, 'npm', name);
  const work = await makeWorkFolder(join(cache, 'npm'));
  try {
    await unpack(asked, join(work, 'unpacked'), work);
    await rename(join(work, 'unpacked'), folder);
  } catch (error) {
    // Another process may have unpacked the same package first.
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error)) && existsSync(folder)) return folder;
    throw fail('NPM_PACKAGE_UNAVAILABLE', { spec, reason: lastLine(reasonOf(error)), cache }, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** Machines that share a cache may unpack different files of the same package. */
function folderName({ spec, integrity, only = [] }: NpmPackage): string {
  const digest = createHash('sha256')
    .update([integrity, ...only].join('\n'))
    .digest('hex')
    .slice(0, 12);
  return `${spec.replace(/[^A-Za-z0-9.@-]/g, '-')}-${digest}`;
}

/** Packs a package and its dependencies in folders under `work`, and unpacks them into `folder`. */
async function unpack(
  { spec, integrity, only = [], dependencies = [] }: NpmPackage,
  folder: string,
  work: string,
): Promise<void> {
  const place = await mkdtemp(join(work, 'packed-'));
  await run('npm', ['pack', spec, '--pack-destination', place, '--ignore-scripts'], {
    maxBuffer: 1 << 26,
    env: npmEnvironment(work),
  });
  const packed = join(place, (await readdir(place)).find((file) => file.endsWith('.tgz')) ?? 'missing.tgz');
  const found = `sha512-${createHash('sha512')
    .update(await readFile(packed))
    .digest('base64')}`;
  if (found !== integrity) throw new Error(`the digest of ${spec} is ${found} instead of ${integrity}`);
  await mkdir(folder, { recursive: true });
  await run('tar', [
    '-xzf',
    packed,
    '-C',
    folder,
    '--strip-components=1',
    '--no-same-owner',
    ...only.map((path) => `package/${path}`),
  ]);
  for (const dependency of dependencies)
    await unpack(
      dependency,
      join(folder, 'node_modules', dependency.spec.slice(0, dependency.spec.lastIndexOf('@'))),
      work,
    );
}

async function makeWorkFolder(parent: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true });
    return await mkdtemp(join(parent, '.fetch-'));
  } catch (error) {
    throw writeError(error, parent);
  }
}

/** npm stores files in the user's home and fails if there is none or it is not writable. */
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
