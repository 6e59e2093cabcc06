// A file that only grows: one JSON value a line, each behind a checksum of its own. A last line that was cut
// short by a crash was never written; any other line that is not what was written is damage, and is told.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { syncPath } from './commit.ts';
import { fail, reasonOf, systemCode, writeError } from '../../run/errors/errors.ts';
import { copyPieces, readPieces } from './files.ts';
import { readOwn } from '../../run/issues.ts';

const checksumCharacters = 16;

/** A value as a line of a manifest. */
export function manifestLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/**
 * Adds a line, makes the file where there is none, and returns when the line would survive a crash of the
 * machine. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function appendToManifest(path: string, value: unknown): Promise<void> {
  try {
    const file = await open(path, 'a');
    let begun: boolean;
    try {
      begun = (await file.stat()).size > 0;
      await file.writeFile(manifestLine(value));
      await file.sync();
    } finally {
      await file.close();
    }
    if (!begun) await syncPath(dirname(path));
  } catch (error) {
    throw writeError(error, path);
  }
}

export interface ManifestRead<T> {
  values: T[];
  /** The 1-based line of each value, among those read. */
  lines: number[];
  /** Lines that hold no value, and why. */
  damaged: { line: number; reason: string }[];
  /** The last line is cut short. */
  torn: boolean;
  /** Where the last whole line ends, in bytes. */
  end: number;
}

/**
 * Reads a manifest, or what was added to it behind so many bytes; one that does not exist is empty. Errors:
 * FILE_UNREADABLE.
 */
export async function readManifest<T>(
  path: string,
  schema: z.ZodType<T>,
  from = 0,
): Promise<ManifestRead<T>> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of copyPieces(readPieces(path, from))) pieces.push(piece);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { values: [], lines: [], damaged: [], torn: false, end: 0 };
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
  const text = Buffer.concat(pieces).toString('latin1');
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  const values: T[] = [];
  const lineNumbers: number[] = [];
  const damaged: ManifestRead<T>['damaged'] = [];
  for (const [index, line] of lines.entries()) {
    const value = parseLine(Buffer.from(line, 'latin1'), schema);
    if (typeof value === 'string') damaged.push({ line: index + 1, reason: value });
    else {
      values.push(value.value);
      lineNumbers.push(index + 1);
    }
  }
  return { values, lines: lineNumbers, damaged, torn: rest !== '', end: from + text.length - rest.length };
}

/** The line's value, or why it has none. */
function parseLine<T>(line: Buffer, schema: z.ZodType<T>): { value: T } | string {
  const json = line.subarray(checksumCharacters + 1);
  if (line.toString('latin1', 0, checksumCharacters + 1) !== `${checksum(json)} `)
    return 'does not match its checksum';
  try {
    const own = readOwn(JSON.parse(json.toString('utf8')), schema);
    return 'value' in own ? own : `cannot be used: ${own.problem}`;
  } catch {
    return 'is not JSON';
  }
}

function checksum(json: string | Uint8Array): string {
  return createHash('sha256').update(json).digest('hex').slice(0, checksumCharacters);
}
