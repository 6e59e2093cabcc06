// The quarantine of invalid rows: each is counted and recorded with its file, position, and reason.

import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { commitFile, temporaryName } from './commit.ts';
import type { Run } from '../../run/run.ts';
import { writeError } from '../../run/errors/errors.ts';
import { sha256File } from './hash-files.ts';

export interface Quarantine {
  /** `position` is the row in the file, from 0; `detail` is the start of the row, if it helps. */
  add(file: string, position: number, reason: string, detail?: string): void;
  readonly count: number;
}

/** Ignores invalid rows, for reading a shard again: they were recorded when it was ranked. */
export const ignoredRows: Quarantine = { add: () => undefined, count: 0 };

export interface QuarantineFile extends Quarantine {
  /** Commits the file and returns its SHA-256 as hex, or removes an earlier file if every row was valid. */
  close(): Promise<string | undefined>;
  /** Discards the new rows and keeps the earlier file. */
  drop(): Promise<void>;
}

/** How many rows of a file are recorded; all are counted. A corrupt shard must not fill the disk. */
export const rowsWritten = 100_000;
const detailCharacters = 200;

/**
 * Opens the quarantine file `path` (JSON lines: file, position, reason, detail). Errors: DISK_FULL,
 * WRITE_FAILED.
 */
export function openQuarantine(path: string): QuarantineFile {
  const growing = temporaryName(`${path}.rows`);
  let file: number | undefined;
  let count = 0;
  const write = (row: object): void => {
    try {
      if (file === undefined) mkdirSync(dirname(path), { recursive: true });
      file ??= openSync(growing, 'w');
      writeSync(file, `${JSON.stringify(row)}\n`);
    } catch (error) {
      throw writeError(error, path);
    }
  };
  return {
    get count() {
      return count;
    },
    add(name, position, reason, detail) {
      count++;
      if (count <= rowsWritten)
        write({
          file: name,
          position,
          reason,
          ...(detail === undefined ? {} : { detail: detail.slice(0, detailCharacters) }),
        });
    },
    async close() {
      if (file === undefined) {
        await rm(path, { force: true }).catch((error: unknown) => Promise.reject(writeError(error, path)));
        return undefined;
      }
      if (count > rowsWritten) write({ rowsNotWritten: count - rowsWritten });
      closeSync(file);
      file = undefined;
      const sha256 = await sha256File(growing);
      await commitFile(path, (temporary) => rename(growing, temporary));
      return sha256;
    },
    async drop() {
      if (file !== undefined) closeSync(file);
      file = undefined;
      await rm(growing, { force: true });
    },
  };
}

/**
 * Calls `use` with the run's quarantine file of this name, and commits the file even if `use` fails. Errors:
 * those of `use`, DISK_FULL, WRITE_FAILED.
 */
export async function withQuarantine<T>(
  run: Run,
  name: string,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> {
  const quarantine = openQuarantine(join(run.files.quarantine, name));
  try {
    return await use(quarantine);
  } finally {
    await quarantine.close();
  }
}
