// The interface to remote files: s3:// (any S3-compatible store) and https:// (any web server with range
// requests). A read returns one version of the file from start to end, no matter how often the connection
// breaks. Credentials come only from the usual environment variables and files, and never appear in messages.

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
  /** Opens the bytes [start, end). Makes one attempt; `etag` pins the version. Throws a RemoteProblem. */
  open(url: string, range: FileRange, etag: string | undefined, signal: AbortSignal): Promise<RemoteBody>;
  /**
   * Uploads a local file to the address and replaces an existing file. Errors: REMOTE_DENIED, REMOTE_FAILED.
   */
  put(path: string, url: string): Promise<void>;
  /** Removes a file. Errors: REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED. */
  remove(url: string): Promise<void>;
  /**
   * One of the files below an address; undefined if there is none or the store cannot list files. Errors:
   * REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
   */
  findAny(folder: string): Promise<string | undefined>;
}

/** The bytes [start, end) of a file, and the file's length as the server first reported it. */
export interface FileRange {
  start: number;
  end: number;
  fileBytes: number;
}

export interface RemoteBody {
  etag: string | undefined;
  /** How many bytes from `start` the server announces; this may be fewer than requested, or more. */
  bytes: number;
  pieces: AsyncIterable<Uint8Array>;
}

/** What went wrong in one attempt, and whether a retry may help. */
export class RemoteProblem extends Error {
  override readonly name = 'RemoteProblem';
  readonly kind: 'missing' | 'denied' | 'changed' | 'passing' | 'lasting';
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** The HTTP status, if there was a response. */
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

/** The problem for an HTTP status. */
export function problemOfStatus(status: number, reason: string, retryAfter?: string | null): RemoteProblem {
  return new RemoteProblem(kindOfStatus(status), `status ${status}${reason === '' ? '' : `, ${reason}`}`, {
    retryAfterMs: parseRetryAfter(retryAfter ?? ''),
    status,
  });
}

/** Whether an HTTP status allows a retry. */
export function kindOfStatus(status: number): RemoteProblem['kind'] {
  if (status === 404 || status === 410) return 'missing';
  if (status === 401 || status === 403) return 'denied';
  if (status === 412) return 'changed';
  return [408, 424, 425, 429].includes(status) || (status >= 500 && status !== 501) ? 'passing' : 'lasting';
}

/**
 * The wait in milliseconds of a Retry-After header, given in seconds or as a date; undefined if it is
 * neither.
 */
export function parseRetryAfter(header: string): number | undefined {
  const ms = /^\d+(?:\.\d+)?$/.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : ms;
}
