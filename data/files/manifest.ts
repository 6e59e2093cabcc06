// An append-only file with one JSON value per line, each after its checksum. A last line that a crash
// truncated was never committed; any other line that does not match its checksum is reported as damage.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { syncPath } from './commit.ts';
import { fail, reasonOf, systemCode, writeError } from '../../run/errors/errors.ts';
import { copyPieces, readPieces } from './files.ts';
import { parseOwnFile } from '../../run/issues.ts';

const checksumCharacters = 16;

/** A value as a line of a manifest. */
export function manifestLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

/**
 * Appends a line, creates the file if needed, and returns once the line would survive a system crash. Errors:
 * DISK_FULL, WRITE_FAILED.
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
  /** The line number of each value, from 1, counted from where reading started. */
  lines: number[];
  /** Lines without a valid value, and why. */
  damaged: { line: number; reason: string }[];
  /** Whether the last line is truncated. */
  torn: boolean;
  /** The byte offset where the last complete line ends. */
  end: number;
}

/** Reads a manifest, or the part after byte `from`; a missing manifest is empty. Errors: FILE_UNREADABLE. */
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

/** The line's value, or why it is invalid. */
function parseLine<T>(line: Buffer, schema: z.ZodType<T>): { value: T } | string {
  const json = line.subarray(checksumCharacters + 1);
  if (line.toString('latin1', 0, checksumCharacters + 1) !== `${checksum(json)} `)
    return 'does not match its checksum';
  try {
    const own = parseOwnFile(JSON.parse(json.toString('utf8')), schema);
    return 'value' in own ? own : `cannot be used: ${own.problem}`;
  } catch {
    return 'is not JSON';
  }
}

function checksum(json: string | Uint8Array): string {
  return createHash('sha256').update(json).digest('hex').slice(0, checksumCharacters);
}
