// The check of API keys. Keys with "jobs" access may also read.
//
// Keys fail closed. Without a keys file everybody is let in, but only on loopback, and only until the
// server has seen such a file. From then on, a file that is missing, empty, unreadable, damaged or open to
// other users lets nobody in.

import { timingSafeEqual } from 'node:crypto';
import { basename } from 'node:path';
import { type BetrError, fail } from '../run/errors/errors.ts';
import { hash, type KeyKind, type Problem, readKeys } from './keys-file.ts';

const lookMs = 1000;
const createOne = 'Create a key with "betr serve --new-key read"';

/** The keys of a file, which is read again every second. */
export class Keys {
  readonly #path: string;
  #needed: boolean;
  #keys: { kind: KeyKind; sha256: Buffer }[] = [];
  #problem: Problem | undefined;
  #problems = 0;
  readonly #timer: NodeJS.Timeout;

  /**
   * `exposed` gives the reason why keys are required even without a keys file: others can reach the server at
   * that address, or the user named the file. Errors: KEYS_UNUSABLE; KEYS_NEEDED if others can reach the
   * server and there is no file.
   */
  constructor(path: string, exposed?: { host?: string }) {
    this.#path = path;
    this.#needed = exposed !== undefined;
    this.#read();
    if (exposed?.host !== undefined && this.#problem?.problem === 'it is missing')
      throw fail('KEYS_NEEDED', { host: exposed.host, keys: path });
    if (this.#problem !== undefined) throw fail('KEYS_UNUSABLE', { path, ...this.#problem });
    this.#timer = setInterval(() => this.#readAgain(), lookMs).unref();
  }

  /** Whether requests need a key. */
  needed(): boolean {
    return this.#needed;
  }

  /** Why the file lets nobody in; undefined if it is usable. */
  problem(): BetrError | undefined {
    return this.#problem && fail('KEYS_UNUSABLE', { path: basename(this.#path), ...this.#problem });
  }

  /** How many times the file became unusable. */
  problems(): number {
    return this.#problems;
  }

  /** Errors: KEY_MISSING, KEY_REFUSED. */
  check(authorization: string | undefined, kind: KeyKind): void {
    if (!this.#needed) return;
    const given = bearerKey(authorization);
    if (given === undefined) throw fail('KEY_MISSING', { kind });
    const hashed = hash(given);
    let found = false;
    // Always compares all keys, so that the time does not depend on a match.
    for (const key of this.#keys)
      if (timingSafeEqual(key.sha256, hashed) && (key.kind === kind || key.kind === 'jobs')) found = true;
    if (!found) throw fail('KEY_REFUSED', { kind });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(): void {
    const { keys, problem } = readKeys(this.#path);
    this.#needed ||= keys !== undefined || problem !== undefined;
    this.#problem = problem;
    if (this.#needed && keys === undefined) this.#problem ??= { problem: 'it is missing', remedy: createOne };
    if (keys?.length === 0)
      this.#problem = {
        problem: 'it contains no key',
        remedy: `${createOne}; or remove the file and restart the server, to let in every program on this machine`,
      };
    this.#keys = (keys ?? []).map(({ kind, sha256 }) => ({ kind, sha256: Buffer.from(sha256, 'hex') }));
  }

  /** Reads the file, and reports when it becomes unusable or usable again. */
  #readAgain(): void {
    const before = this.#problem?.problem;
    this.#read();
    if (this.#problem?.problem === before) return;
    if (this.#problem !== undefined) this.#problems++;
    const path = this.#path;
    process.stderr.write(
      this.#problem === undefined
        ? `betr: the API keys in ${path} are usable again\n`
        : `betr: ${fail('KEYS_UNUSABLE', { path, ...this.#problem }).message} ` +
            'Until then, every request that needs a key is refused.\n',
    );
  }
}

function bearerKey(authorization = ''): string | undefined {
  const [scheme = '', key, ...more] = authorization.trim().split(/ +/);
  return scheme.toLowerCase() === 'bearer' && more.length === 0 ? key : undefined;
}
