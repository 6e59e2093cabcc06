// Asks the server and hands back its answer, or the problem that it named (RFC 9457) as an error.

/** What went wrong, in the words of the product's catalogue of errors. */
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

/** Keeps the API key of a server that wants one, until the tab is closed. */
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

/** One request; relative to the page's own address. Throws a Problem for anything but success. */
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
      'The server does not answer. Start it with "betr serve"; this page goes on by itself.',
    );
  }
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => undefined);
  if (holds<{ code: string; detail: string }>(body, ['code', 'detail']))
    throw new Problem(body.code, response.status, body.detail);
  throw new Problem(
    'HTTP',
    response.status,
    `The server answered ${response.status} ${response.statusText}.`,
  );
}

/**
 * The JSON answer of a route. The page comes from the very server that answers, and its types are the
 * server's own schemas; so what is checked here is only that it is that kind of answer, by the keys that the
 * page reads.
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
    `The server's answer to ${path} has no ${keys.join(', ')}. Load the page again: it may be older than the server.`,
  );
}

function holds<T extends object>(body: unknown, keys: readonly (keyof T & string)[]): body is T {
  return typeof body === 'object' && body !== null && keys.every((key) => key in body);
}

/**
 * Saves what a link leads to under a name of its own, for servers that want a key, which a plain link cannot
 * carry.
 */
export async function download(link: HTMLAnchorElement): Promise<void> {
  const bytes = await (await send(link.href)).blob();
  const address = URL.createObjectURL(bytes);
  const saved = document.createElement('a');
  saved.href = address;
  saved.download = link.download || (link.dataset['file'] ?? '');
  saved.click();
  URL.revokeObjectURL(address);
}
