// Every error a user can meet, declared once: code, HTTP status, exit code, and a sentence that names the
// value and what to do about it. The reasons inside a sentence come from the code that fails.

import { isNativeError } from 'node:util/types';
import { settingsErrors } from './settings.ts';
import { filesErrors } from './files.ts';
import { modelsErrors } from './models.ts';
import { languageModelErrors } from './language-models.ts';
import { judgesErrors } from './judges.ts';
import { rankingErrors } from './ranking.ts';
import { serverErrors } from './server.ts';
import { domainsErrors } from './domains.ts';
import { auditErrors } from './audit.ts';
import { trainerErrors } from './trainer.ts';
import { trialErrors } from './trials.ts';
import { pairsErrors } from './pairs.ts';
import { pairSelectionErrors } from './pair-selection.ts';
import { measurementErrors } from './measurements.ts';
import { pairModelErrors } from './pair-models.ts';
import { pairTrialErrors } from './pair-trials.ts';

const catalog = {
  ...settingsErrors,
  ...filesErrors,
  ...modelsErrors,
  ...languageModelErrors,
  ...judgesErrors,
  ...rankingErrors,
  ...serverErrors,
  ...domainsErrors,
  ...auditErrors,
  ...trainerErrors,
  ...trialErrors,
  ...pairsErrors,
  ...pairSelectionErrors,
  ...measurementErrors,
  ...pairModelErrors,
  ...pairTrialErrors,
};

export type ErrorCode = keyof typeof catalog;
type ErrorValues = { [C in ErrorCode]: Parameters<(typeof catalog)[C]['say']>[0] };
const entries: {
  [C in ErrorCode]: { status: number; exit: number; say: (values: ErrorValues[C]) => string };
} = catalog;

/** An error from the catalog. `code` is stable; `status` is for HTTP, `exitCode` for the shell. */
export class BetrError extends Error {
  override readonly name = 'BetrError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly exitCode: number;
  readonly values: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, values: Readonly<Record<string, unknown>>, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.status = entries[code].status;
    this.exitCode = entries[code].exit;
    this.values = values;
  }
}

/**
 * Makes the error `code` with the values of its sentence. If the cause is a shortage of memory, the error is
 * MEMORY_SHORT: the file that could not be read is not at fault.
 */
export function fail<C extends ErrorCode>(code: C, values: ErrorValues[C], cause?: unknown): BetrError {
  if (cause instanceof BetrError && cause.code === 'MEMORY_SHORT') return cause;
  if (code !== 'MEMORY_SHORT' && isMemoryShortage(cause))
    return fail(
      'MEMORY_SHORT',
      { reason: 'path' in values ? `${values.path}: ${firstLine(cause)}` : firstLine(cause) },
      cause,
    );
  return new BetrError(code, values, entries[code].say(values), cause);
}

/** All error codes, for the test of the documentation. */
export const errorCodes = Object.keys(catalog);

/**
 * Every code with its status, exit code, and sentence, with placeholders for the values; for the
 * documentation.
 */
export function catalogEntries(): { code: string; status: number; exit: number; example: string }[] {
  // A list of one name prints like a string and can be iterated like a list.
  const names = new Proxy({}, { get: (_target, name) => [`{${String(name)}}`] });
  const sentences: Record<string, { status: number; exit: number; say(values: unknown): unknown }> = catalog;
  return Object.entries(sentences).map(([code, entry]) => ({
    code,
    status: entry.status,
    exit: entry.exit,
    example: String(entry.say(names)),
  }));
}

/** A system error's code (`ENOENT`, `ENOSPC`, …), or '' if there is none. */
export function systemCode(error: unknown): string {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const shortageCodes = [
  'ENOMEM',
  'ERR_WORKER_OUT_OF_MEMORY',
  'ERR_WORKER_INIT_FAILED',
  'ERR_MEMORY_ALLOCATION_FAILED',
];
/** Messages of V8, the system's loader, DuckDB, and C++. */
const shortageWords = new RegExp(
  [
    'out of memory',
    'cannot allocate memory',
    'could not allocate memory',
    'allocation failed',
    'bad[_ ]alloc',
    'failed to allocate',
    'failed to map segment',
    'unable to grow instance memory',
  ].join('|'),
  'i',
);

/**
 * Whether something failed because the memory or the address space ran out. Errors with `isQuoted` quote another
 * machine.
 */
function isMemoryShortage(error: unknown): boolean {
  // DuckDB also uses these words when its spill disk is full.
  return (
    isNativeError(error) &&
    !('isQuoted' in error && error.isQuoted === true) &&
    (shortageCodes.includes(systemCode(error)) || shortageWords.test(error.message)) &&
    !/temp_directory|no space left/i.test(error.message)
  );
}

function firstLine(error: unknown): string {
  const lines = reasonOf(error).split('\n');
  return (lines.find((line) => shortageWords.test(line)) ?? lines[0] ?? '').trim().replace(/\.$/, '');
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}

/** A BetrError as plain data, to pass between a worker thread and its parent. */
export interface ErrorData {
  code: ErrorCode;
  values: Readonly<Record<string, unknown>>;
  message: string;
}

/**
 * Anything thrown, as an error of the catalog. An unknown error that is not a shortage of memory is a bug
 * in betr and becomes INTERNAL.
 */
export function knownError(error: unknown): BetrError {
  return error instanceof BetrError
    ? error
    : fail(
        'INTERNAL',
        { reason: isNativeError(error) ? (error.stack ?? error.message) : String(error) },
        error,
      );
}

/** `knownError` as data. */
export function errorData(error: unknown): ErrorData {
  const known = knownError(error);
  return { code: known.code, values: known.values, message: known.message };
}

/** The error that `errorData` was made from. */
export function errorFrom({ code, values, message }: ErrorData): BetrError {
  return new BetrError(code, values, message);
}

/** The error for a failed write of `path`. A BetrError passes through. */
export function writeError(error: unknown, path: string): BetrError {
  if (error instanceof BetrError) return error;
  if (systemCode(error) === 'ENOSPC' || /no space left/i.test(reasonOf(error)))
    return fail('DISK_FULL', { path }, error);
  if (['EISDIR', 'ERR_FS_EISDIR'].includes(systemCode(error)))
    return fail(
      'WRITE_FAILED',
      { path, reason: 'a folder is in its place; remove or rename that, and run the same command again' },
      error,
    );
  const reason = reasonOf(error);
  // Node reports this when it creates a folder on a read-only file system.
  return fail(
    'WRITE_FAILED',
    {
      path,
      reason: /^ENOENT.*mkdir/.test(reason)
        ? 'its folder cannot be created; the file system may be read-only'
        : reason,
    },
    error,
  );
}

/**
 * The error for a file that could not be read: FILE_NOT_FOUND or FILE_UNREADABLE. `what` starts the sentence,
 * such as "The table".
 */
export function readError(
  error: unknown,
  path: string,
  what = 'The file',
  more: { relativeTo?: string } = {},
): BetrError {
  return systemCode(error) === 'ENOENT'
    ? fail('FILE_NOT_FOUND', { path, what, ...more }, error)
    : fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
}

/** The result of work on a file or folder; undefined if that does not exist. Errors: those of the work. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
