// Folders that several test files start from, such as an indexed project: the first file that needs one makes it, and
// each file gets a copy.

import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../until.ts';

const shared = process.env['BETR_TEST_MADE_ONCE'];

/** A copy of the folder that `make` fills; the caller removes it. Times of change are kept. */
export async function copyMadeOnce(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), `betr-${name}-`));
  if (shared === undefined) {
    // A program of the tests that Jest does not run.
    await make(copy);
    return copy;
  }
  const whole = join(shared, name);
  await makeOnce(whole, make);
  // Runs record when their files changed, to the nanosecond, which Node's copies do not keep.
  await promisify(execFile)('cp', ['-a', `${whole}/.`, copy]);
  return copy;
}

async function makeOnce(whole: string, make: (folder: string) => Promise<void>): Promise<void> {
  const unfinished = `${whole}.unfinished`;
  const succeeds = (done: Promise<unknown>): Promise<boolean> =>
    done.then(
      () => true,
      () => false,
    );
  const isThere = (): Promise<boolean> => succeeds(access(whole));
  // Only one process can make this folder; the others wait. If it fails to fill it, the next one tries.
  const own = { maker: false };
  await until(async () => (await isThere()) || (own.maker = await succeeds(mkdir(unfinished))), {
    what: whole,
    everyMs: 50,
    seconds: 120,
  });
  if (!own.maker) return;
  try {
    if (await isThere()) return;
    await make(unfinished);
    await rename(unfinished, whole);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
