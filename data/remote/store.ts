// Files that are not on this machine, behind one small interface: s3:// (any S3-compatible store) and
// https:// (any web server that knows ranges). Promises: what is read is one version of the file from
// beginning to end, however often the connection breaks; credentials come from the usual environment
// variables and files alone and are in no message.

export interface RemoteFile {
  url: string;
  bytes: number;
  modifiedMs: number;
}

export interface RemoteStore {
  /**
   * The files that a pattern names: one for a plain address, any number for a pattern. Errors:
   * REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
   */
  list(pattern: string): Promise<RemoteFile[]>;
  /**
   * Opens the bytes from `start` up to, not with, `end`. One attempt; `etag` pins the version. Throws a
   * RemoteProblem.
   */
  open(url: string, range: FileRange, etag: string | undefined, signal: AbortSignal): Promise<RemoteBody>;
  /** Puts a local file at the address, in place of what is there. Errors: REMOTE_DENIED, REMOTE_FAILED. */
  put(path: string, url: string): Promise<void>;
  /** Removes a file. Errors: REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED. */
  remove(url: string): Promise<void>;
  /**
   * One of the files below an address; undefined where there is none, or where the store does not tell.
   * Errors: REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
   */
  findAny(folder: string): Promise<string | undefined>;
}

/**
 * A part of a file, from `start` up to, not with, `end`, and the length of the whole as the server told it
 * first.
 */
export interface FileRange {
  start: number;
  end: number;
  fileBytes: number;
}

export interface RemoteBody {
  etag: string | undefined;
  /**
   * How many bytes the server promises from `start` on: fewer than asked for, or the rest of the file too.
   */
  bytes: number;
  pieces: AsyncIterable<Uint8Array>;
}

/** What went wrong in one attempt, and whether another one may help. */
export class RemoteProblem extends Error {
  override readonly name = 'RemoteProblem';
  readonly kind: 'missing' | 'denied' | 'changed' | 'passing' | 'lasting';
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** The HTTP status that said so. */
  readonly status: number | undefined;

  constructor(
    kind: RemoteProblem['kind'],
    message: string,
    {
      retryAfterMs,
      status,
      cause,
    }: { retryAfterMs?: number | undefined; status?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
    this.status = status;
  }
}

/** The problem that an HTTP status means. */
export function problemOfStatus(status: number, reason: string, retryAfter?: string | null): RemoteProblem {
  return new RemoteProblem(kindOfStatus(status), `status ${status}${reason === '' ? '' : `, ${reason}`}`, {
    retryAfterMs: parseRetryAfter(retryAfter ?? ''),
    status,
  });
}

/** What an HTTP status says of another attempt. */
export function kindOfStatus(status: number): RemoteProblem['kind'] {
  if (status === 404 || status === 410) return 'missing';
  if (status === 401 || status === 403) return 'denied';
  if (status === 412) return 'changed';
  return [408, 424, 425, 429].includes(status) || (status >= 500 && status !== 501) ? 'passing' : 'lasting';
}

/** Milliseconds that a Retry-After header asks for, as seconds or a date; undefined where it is neither. */
export function parseRetryAfter(header: string): number | undefined {
  const ms = /^\d+(?:\.\d+)?$/.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : ms;
}
