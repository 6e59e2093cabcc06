// Sends requests to the server and returns its answers; a problem document (RFC 9457) is thrown as an
// error.

/** What went wrong, in the words of the server's error catalog. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const keyName = 'betr-key';

/** Keeps the API key until the tab is closed. */
export function keepKey(key: string): void {
  sessionStorage.setItem(keyName, key);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(keyName) !== null;
}

function keyHeader(): Record<string, string> {
  const key = sessionStorage.getItem(keyName);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** Sends one request; the path is relative to the page's address. Throws a Problem unless it succeeds. */
export async function send(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      ...options,
      headers: {
        ...keyHeader(),
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new Problem(
      'UNREACHABLE',
      0,
      'The server does not respond. Start it with "betr serve"; this page will reconnect.',
    );
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => undefined);
  if (holds<{ code: string; detail: string }>(body, ['code', 'detail']))
    throw new Problem(body.code, response.status, body.detail);
  throw new Problem(
    'HTTP',
    response.status,
    `The server responded with ${response.status} ${response.statusText}.`,
  );
}

/**
 * The JSON answer of a route. The page and its types come from the server that answers, so this only checks
 * for the keys that the page reads.
 */
export async function askJson<T extends object>(
  path: string,
  keys: readonly (keyof T & string)[],
  options: RequestInit = {},
): Promise<T> {
  const body: unknown = await (await send(path, options)).json();
  if (holds<T>(body, keys)) return body;
  throw new Problem(
    'INTERNAL',
    200,
    `The server's answer to ${path} lacks ${keys.join(' or ')}. Reload the page: it may be older than the server.`,
  );
}

function holds<T extends object>(body: unknown, keys: readonly (keyof T & string)[]): body is T {
  return typeof body === 'object' && body !== null && keys.every((key) => key in body);
}

/** Saves the target of a link as a file, for servers that need a key, which a plain link cannot send. */
export async function download(link: HTMLAnchorElement): Promise<void> {
  const bytes = await (await send(link.href)).blob();
  const address = URL.createObjectURL(bytes);
  const saved = document.createElement('a');
  saved.href = address;
  saved.download = link.download || (link.dataset['file'] ?? '');
  saved.click();
  URL.revokeObjectURL(address);
}
