// The lock on a run's jobs: one server at a time may change them.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lease } from '../../data/files/lease.ts';
import { takeLock } from '../../data/files/lock.ts';
import { type BetrError, writeError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';

/**
 * The lock on the run's jobs, or why it is not available: another server holds it, or the folder is not
 * writable.
 */
export async function tryLock(run: Run): Promise<Lease | BetrError> {
  const folder = run.files.jobs;
  try {
    await mkdir(folder, { recursive: true });
    return await takeLock(run, join(folder, 'lock'), folder);
  } catch (error) {
    return writeError(error, folder);
  }
}
