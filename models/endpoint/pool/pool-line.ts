// The line of calls that wait for a server of a pool.

import { BetrError, fail } from '../../../run/errors/errors.ts';
import type { ModelEntry } from '../../../run/model-settings.ts';
import type { LanguageModel } from '../../language-model.ts';
import { callsAtServer } from './calls-at-server.ts';
import { type Member, type PoolMembers, type PoolPace, problemOf, type Tell } from './pool-members.ts';

interface Taken {
  member: Member;
  model: LanguageModel;
}

/** A call at work. */
interface Call extends Taken {
  startMs: number;
  giveUp: (reason: Slow) => void;
}

/** A call takes much longer than others. */
class Slow extends Error {}

/** Failures of a server rather than of what it was asked. */
const ofServers = [
  'LANGUAGE_MODEL_UNREACHABLE',
  'LANGUAGE_MODEL_CUT_OFF',
  'LANGUAGE_MODEL_NAME',
  'LANGUAGE_MODEL_FAILED',
  'LANGUAGE_MODEL_KEY',
];
/** A call that has failed at this many servers may be what breaks them. */
const mostServers = 8;
/** A call is slow if it takes this many times the median of the last calls. */
const slowFactor = 10;
const durationsKept = 64;
const fewestDurations = 8;

export class PoolLine {
  readonly #members: PoolMembers;
  readonly #settings: ModelEntry;
  readonly #place: string;
  readonly #slowMs: number;
  /** At one server. */
  readonly #callsAtOnce: number;
  readonly #tell: Tell;
  readonly #waiting: { resolve: (taken: Taken) => void; reject: (error: BetrError) => void }[] = [];
  readonly #calls = new Set<Call>();
  /** Of the last calls, in milliseconds. */
  readonly #durations: number[] = [];
  readonly #poll: NodeJS.Timeout;
  /** Ends the wait for a server. */
  #none: NodeJS.Timeout | undefined;

  constructor(members: PoolMembers, settings: ModelEntry, place: string, pace: PoolPace, tell: Tell) {
    this.#members = members;
    this.#settings = settings;
    this.#place = place;
    this.#slowMs = pace.slowMs;
    this.#callsAtOnce = callsAtServer(settings);
    this.#tell = tell;
    members.changed = () => this.#serve();
    this.#poll = setInterval(() => {
      void members.look();
      this.#moveSlow();
    }, pace.pollMs).unref();
  }

  /**
   * Runs a call at the next free server, and at others if that one fails. Errors: LANGUAGE_MODEL_NO_SERVER,
   * and those of the call.
   */
  async call<T>(work: (model: LanguageModel) => Promise<T>): Promise<T> {
    for (let servers = 1; ; servers++) {
      const taken = await this.#take();
      try {
        return await this.#follow(taken, work(taken.model));
      } catch (error) {
        if (!(error instanceof Slow || isOfServer(error)) || servers >= mostServers) throw error;
      }
    }
  }

  /** Waits until a server works. Errors: LANGUAGE_MODEL_NO_SERVER. */
  async waitForServer(): Promise<void> {
    const { member } = await this.#take();
    member.running--;
    this.#serve();
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#none);
  }

  #take(): Promise<Taken> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Gives the servers as much work as they may have. */
  #serve(): void {
    for (let free = this.#findFree(); free !== undefined; free = this.#findFree()) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      free.member.running++;
      next.resolve(free);
    }
    this.#boundWait();
  }

  /** The server with the least work that may have more. */
  #findFree(except?: Member): Taken | undefined {
    let found: Taken | undefined;
    for (const member of this.#members.ready()) {
      const { model, running } = member;
      if (model === undefined || member === except || running >= this.#callsAtOnce) continue;
      if (found === undefined || running < found.member.running) found = { member, model };
    }
    return found;
  }

  #follow<T>(taken: Taken, working: Promise<T>): Promise<T> {
    const { member, model } = taken;
    return new Promise((resolve, reject) => {
      const call: Call = { ...taken, startMs: performance.now(), giveUp: reject };
      this.#calls.add(call);
      working
        .then(
          (value) => {
            member.failures = 0;
            this.#durations.push(performance.now() - call.startMs);
            if (this.#durations.length > durationsKept) this.#durations.shift();
            resolve(value);
          },
          (error: unknown) => {
            // Before the server gets more work.
            if (isOfServer(error)) this.#members.leaveOut(member, model, problemOf(error, member));
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is passed on as it came
            reject(error);
          },
        )
        .finally(() => {
          this.#calls.delete(call);
          member.running--;
          this.#serve();
        });
    });
  }

  /** Moves calls that take too long, if another server has nothing to do. */
  #moveSlow(): void {
    if (this.#durations.length < fewestDurations) return;
    const median = this.#durations.toSorted((a, b) => a - b)[this.#durations.length >> 1] ?? 0;
    const mostMs = Math.max(this.#slowMs, slowFactor * median);
    for (const call of this.#calls) {
      const { member, model, startMs, giveUp } = call;
      if (performance.now() - startMs < mostMs || this.#findFree(member) === undefined) continue;
      this.#calls.delete(call);
      const usual = (median / 1000).toPrecision(2);
      this.#members.leaveOut(
        member,
        model,
        `The server at ${member.shown} takes more than ${(mostMs / 1000).toPrecision(2)} s for what ` +
          `usually takes ${usual} s.`,
      );
      giveUp(new Slow());
    }
  }

  /** While calls wait and no server works, counts down. */
  #boundWait(): void {
    if (this.#waiting.length === 0 || this.#members.ready().length > 0) {
      clearTimeout(this.#none);
      this.#none = undefined;
      return;
    }
    if (this.#none !== undefined) return;
    const { name: model, waitSeconds: seconds } = this.#settings;
    this.#tell(`no server answers (${this.#place}); waiting up to ${seconds} s for one.`);
    this.#none = setTimeout(() => {
      this.#none = undefined;
      const reasons = this.#members.problems().join(' ');
      for (const { reject } of this.#waiting.splice(0))
        reject(fail('LANGUAGE_MODEL_NO_SERVER', { model, place: this.#place, seconds, reasons }));
    }, 1000 * seconds);
  }
}

/** Whether an error is about the server rather than the call. */
function isOfServer(error: unknown): error is BetrError {
  return error instanceof BetrError && ofServers.includes(error.code);
}
