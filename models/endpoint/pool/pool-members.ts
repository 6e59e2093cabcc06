// The servers of a pool: which there are, which of them work, and when the others are tried again. All must serve
// the model of the first one that answered.

import { type BetrError, knownError } from '../../../run/errors/errors.ts';
import { showPath } from '../../../run/address.ts';
import type { ModelEntry, Servers } from '../../../run/model-settings.ts';
import { setTimeout } from 'node:timers/promises';
import type { LanguageModel } from '../../language-model.ts';
import type { Pace } from '../../../data/remote/retry.ts';
import { defaultPace } from '../exchange.ts';
import { openServerModel } from '../language-model.ts';
import { checkSame, type OpenedServer } from './same-model.ts';
import { readAddresses } from './server-addresses.ts';

/** Shows a message about servers to the user. */
export type Tell = (message: string) => void;

export interface PoolPace {
  /** Attempts at a request at one server. */
  request: Pace;
  /** How often the folder, servers that are left out, and slow calls are looked at. */
  pollMs: number;
  /** How long a server that failed is left out: at first, and at most. */
  firstRestMs: number;
  longestRestMs: number;
  /** How long opening waits for more servers after the first one. */
  graceMs: number;
  /** A call that takes less is never slow. */
  slowMs: number;
}

export const defaultPoolPace: PoolPace = {
  // Few attempts, because another server can take over.
  request: { ...defaultPace, attempts: 2, longestWaitMs: 5_000 },
  pollMs: 2_000,
  firstRestMs: 5_000,
  longestRestMs: 60_000,
  graceMs: 10_000,
  slowMs: 10_000,
};

export interface Member {
  address: string;
  /** The address without secrets. */
  shown: string;
  /** Undefined while it is left out. */
  model: LanguageModel | undefined;
  isOpening: boolean;
  /** Calls at work, including those that were given up. */
  running: number;
  /** Since its last answer. */
  failures: number;
  retryAtMs: number;
  /** Why it is left out. */
  problem: string;
}

/** What a wait may mend. */
const passing = ['LANGUAGE_MODEL_UNREACHABLE', 'LANGUAGE_MODEL_CUT_OFF'];

export class PoolMembers {
  /** The first server that answered: all others must be like it. */
  first: OpenedServer | undefined;
  readonly #members = new Map<string, Member>();
  readonly #settings: ModelEntry;
  readonly #servers: Servers;
  readonly #baseFolder: string;
  readonly #pace: PoolPace;
  readonly #tell: Tell;
  /** What was wrong with files of the folder, to say it once. */
  #problems: string[] = [];
  #isLooking = false;
  #isClosed = false;
  /** Called when a server starts to work or is left out. */
  changed: () => void = () => undefined;

  constructor(settings: ModelEntry, servers: Servers, baseFolder: string, pace: PoolPace, tell: Tell) {
    this.#settings = settings;
    this.#servers = servers;
    this.#baseFolder = baseFolder;
    this.#pace = pace;
    this.#tell = tell;
  }

  /** The servers that work. */
  ready(): Member[] {
    return [...this.#members.values()].filter(({ model }) => model !== undefined);
  }

  /** Why there are no more servers. */
  problems(): string[] {
    const ofServers = [...this.#members.values()]
      .filter(({ model, problem }) => model === undefined && problem !== '')
      .map(({ problem }) => problem);
    return [...this.#problems, ...ofServers];
  }

  /**
   * Opens the servers that there are, until all have answered or failed, or some time after the first. Errors:
   * LANGUAGE_MODEL_DIFFERS, and, for a list, errors that no waiting mends.
   */
  async openAll(): Promise<void> {
    await this.#readAddresses();
    const refusals: BetrError[] = [];
    const members = [...this.#members.values()];
    let firstUp = (): void => undefined;
    const grace = new Promise<void>((resolve) => (firstUp = resolve)).then(() =>
      setTimeout(this.#pace.graceMs, undefined, { ref: false }),
    );
    const opened = members.map(async (member) => {
      const error = await this.#open(member);
      if (error === undefined) firstUp();
      else if (isFatal(error, this.#servers)) refusals.push(error);
    });
    await Promise.race([Promise.all(opened), grace]);
    const [refusal] = refusals;
    if (refusal !== undefined) throw refusal;
  }

  /** Reads the folder again, and tries servers that are new or have been left out long enough. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    try {
      await this.#readAddresses();
      for (const member of this.#members.values())
        if (member.model === undefined && !member.isOpening && performance.now() >= member.retryAtMs)
          void this.#open(member);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Leaves a server out for a while; `model` is the one that failed, which may have been replaced by now. */
  leaveOut(member: Member, model: LanguageModel | undefined, problem: string): void {
    if (member.model !== model || this.#isClosed) return;
    member.model = undefined;
    member.failures++;
    member.problem = problem;
    const restMs = Math.min(this.#pace.longestRestMs, this.#pace.firstRestMs * 2 ** (member.failures - 1));
    member.retryAtMs = performance.now() + restMs;
    if (member.failures === 1 && this.#members.get(member.address) === member)
      this.#tell(`${problem} It is left out, and tried again later.`);
    this.changed();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { model } of this.ready()) await model?.close();
  }

  async #readAddresses(): Promise<void> {
    const { found, problems } = await readAddresses(this.#servers, this.#baseFolder);
    for (const problem of problems) if (!this.#problems.includes(problem)) this.#tell(`${problem}.`);
    this.#problems = problems;
    if (found === undefined) return;
    for (const [address, { shown, model }] of this.#members) {
      if (found.includes(address)) continue;
      this.#members.delete(address);
      if (model === undefined) continue;
      this.#tell(`the server at ${shown} is no longer announced; it gets no more work.`);
      this.changed();
    }
    for (const address of found) {
      if (this.#members.has(address)) continue;
      this.#members.set(address, {
        address,
        shown: showPath(address),
        model: undefined,
        isOpening: false,
        running: 0,
        failures: 0,
        retryAtMs: 0,
        problem: '',
      });
    }
  }

  /** Opens a server; returns why it cannot be used. */
  async #open(member: Member): Promise<BetrError | undefined> {
    member.isOpening = true;
    try {
      const settings = { ...this.#settings, model: member.address };
      const { model, identity } = await openServerModel(settings, this.#pace.request);
      checkSame(this.#settings.name, { shown: member.shown, model, identity }, this.first);
      if (this.#isClosed) {
        await model.close();
        return undefined;
      }
      member.model = model;
      if (this.first === undefined) this.first = { model, identity, shown: member.shown };
      else if (member.failures > 0) this.#tell(`the server at ${member.shown} answers again.`);
      this.changed();
      return undefined;
    } catch (error) {
      const known = knownError(error);
      this.leaveOut(member, undefined, problemOf(known, member));
      return known;
    } finally {
      member.isOpening = false;
    }
  }
}

/** Why a server is left out: without the advice that an error has for who has only this one. */
export function problemOf({ code, message, values }: BetrError, { shown }: Member): string {
  return passing.includes(code)
    ? `The server at ${shown} does not answer: ${String(values['problem'])}.`
    : message;
}

/**
 * Whether an error ends the opening: servers in a list are meant, while a folder may have files of servers that
 * are gone and whose address now belongs to others.
 */
function isFatal({ code }: BetrError, servers: Servers): boolean {
  return code === 'LANGUAGE_MODEL_DIFFERS' || (!('servers' in servers) && !passing.includes(code));
}
