// Every error a user can meet, declared once: code, HTTP status, exit code, and a sentence that carries the
// value that was got and says what to do about it. Every sentence is here; the reasons inside come from where
// they arise.

import { isNativeError } from 'node:util/types';
import { settingsErrors } from './settings.ts';
import { filesErrors } from './files.ts';
import { modelsErrors } from './models.ts';
import { languageModelErrors } from './language-models.ts';
import { rankingErrors } from './ranking.ts';
import { serverErrors } from './server.ts';
import { domainsErrors } from './domains.ts';

const catalogue = {
  ...settingsErrors,
  ...filesErrors,
  ...modelsErrors,
  ...languageModelErrors,
  ...rankingErrors,
  ...serverErrors,
  ...domainsErrors,
};

export type ErrorCode = keyof typeof catalogue;
type ErrorValues = { [C in ErrorCode]: Parameters<(typeof catalogue)[C]['say']>[0] };
const entries: {
  [C in ErrorCode]: { status: number; exit: number; say: (values: ErrorValues[C]) => string };
} = catalogue;

/** An error from the catalogue. `code` is stable; `status` is for HTTP, `exitCode` for the shell. */
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
 * Makes the catalogue's error `code` with the values its sentence carries. A cause that is a shortage of
 * memory decides: nothing is wrong with a file that there was no memory to read.
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

/** The codes of the catalogue, for the documentation's own test. */
export const errorCodes = Object.keys(catalogue);

/**
 * Every code with its status, its exit code and its sentence, with the names of the values in their places,
 * for the documentation.
 */
export function catalogueEntries(): { code: string; status: number; exit: number; example: string }[] {
  // A list of one name reads like a text, and can be gone through like a list.
  const names = new Proxy({}, { get: (_target, name) => [`{${String(name)}}`] });
  const sentences: Record<string, { status: number; exit: number; say(values: unknown): unknown }> =
    catalogue;
  return Object.entries(sentences).map(([code, entry]) => ({
    code,
    status: entry.status,
    exit: entry.exit,
    example: String(entry.say(names)),
  }));
}

/** A system error's code (`ENOENT`, `ENOSPC`, …), or '' where there is none. */
export function systemCode(error: unknown): string {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const shortageCodes = [
  'ENOMEM',
  'ERR_WORKER_OUT_OF_MEMORY',
  'ERR_WORKER_INIT_FAILED',
  'ERR_MEMORY_ALLOCATION_FAILED',
];
/** As V8, the system's loader, DuckDB and C++ say it. */
const shortageWords =
  /out of memory|cannot allocate memory|could not allocate memory|allocation failed|bad[_ ]alloc|failed to allocate|failed to map segment|unable to grow instance memory/i;

/** Whether something failed because there was no memory, or no address space, left. */
function isMemoryShortage(error: unknown): boolean {
  // DuckDB calls it that, too, when the disk that it spills to is full.
  return (
    isNativeError(error) &&
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

/** A BetrError as plain data, to cross from a worker thread to its parent, and back again. */
export interface ErrorData {
  code: ErrorCode;
  values: Readonly<Record<string, unknown>>;
  message: string;
}

/**
 * Anything thrown, as an error of the catalogue; what is not in it, and no shortage of memory, is a defect of
 * the product and becomes INTERNAL.
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

/**
 * The catalogue's error for a failed write of `path`; errors that are in the catalogue already pass through.
 */
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
  // What Node says of a folder that is to be made on a file system that is read-only.
  return fail(
    'WRITE_FAILED',
    {
      path,
      reason: /^ENOENT.*mkdir/.test(reason)
        ? 'its folder cannot be made; the file system may be read-only'
        : reason,
    },
    error,
  );
}

/**
 * The catalogue's error for a file that could not be read: FILE_NOT_FOUND, or FILE_UNREADABLE. `what` begins
 * a sentence: "The table".
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

/** What work on a file or folder gives; undefined where that does not exist. Errors: those of the work. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
