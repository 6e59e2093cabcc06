// The ranking that is being served, sorted in memory. A new generation is picked up when its ranking.json
// appears; until it is read and found whole, and if it is damaged, the one before stays. Who holds a
// `LiveRanking` can go on using it.

import { stat } from 'node:fs/promises';
import { BetrError, errorData, errorFrom, fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { readVersion } from '../run/version.ts';
import { type Ranking, readRanking, stampParts } from '../ranking/generation.ts';
import { type Loan, LoadedRanking, type LiveRanking } from '../ranking/order/live-ranking.ts';

/** What a request sees. */
export interface LiveView {
  /**
   * The ranking to answer from, for what needs none of its files. Errors: STEP_MISSING, FILE_DAMAGED,
   * FILE_UNREADABLE: why there is none.
   */
  current(): LiveRanking;
  /**
   * Names everything that an answer follows from besides the request: the generation, the settings, the
   * calibrations. Errors: as `current`.
   */
  etag(): string;
  /** Whether there is one, and why the newest could not be taken. */
  state(): LiveState;
  /** Looks for a new generation and new calibrations at once. */
  look(): Promise<void>;
}

export interface LiveState {
  serving: LiveRanking | undefined;
  problem: BetrError | undefined;
}

const pollMs = 1000;
/** Parts are looked at, and one of them is read, every so many looks, as they may be many and far away. */
const looksPerStamp = 10;
const closeWithinMs = 1_000;

/** The published ranking, if there is one, followed from then on. */
export class Live implements LiveView {
  readonly #run: Run;
  #serving: LoadedRanking | undefined;
  /**
   * The one that is served, and those before it that requests still use: each has its whole order in memory.
   */
  readonly #opened = new Set<LoadedRanking>();
  #problem: BetrError | undefined;
  /** The version of ranking.json that was looked at last; null: to be read, whatever it is. */
  #seen: string | undefined | null = null;
  #served: string | undefined;
  /** What was read last, whole or not, and how its parts were then. */
  #read: { ranking: Ranking; stamp: string } | undefined;
  #looks = 0;
  #looking: Promise<void> | undefined;
  #polls = 0;
  #etag = '';
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(run: Run) {
    this.#run = run;
  }

  /** Reads what is published, and looks for what is new every second. */
  static async open(run: Run): Promise<Live> {
    const live = new Live(run);
    await live.#poll();
    return live;
  }

  current(): LiveRanking {
    return this.#current().unlent;
  }

  etag(): string {
    this.#current();
    return this.#etag;
  }

  state(): LiveState {
    return { serving: this.#serving?.unlent, problem: this.#problem };
  }

  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /**
   * For one request: what its `current` gives keeps its files until `release`, although a newer ranking takes
   * its place.
   */
  lend(): { live: LiveView; release: () => void } {
    let lent: { of: LoadedRanking; loan: Loan } | undefined;
    const current = (): LiveRanking => {
      const of = lent?.of ?? this.#current();
      lent ??= { of, loan: of.lend() };
      return lent.loan.ranking;
    };
    const release = (): void => {
      lent?.loan.release();
      if (lent !== undefined) this.#retire(lent.of);
    };
    return {
      live: { current, etag: () => this.etag(), state: () => this.state(), look: () => this.look() },
      release,
    };
  }

  /** Ends what is made of the rankings, and waits for that at most so long. */
  async close(withinMs = closeWithinMs): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#opened].map((ranking) => ranking.close(withinMs)));
  }

  #current(): LoadedRanking {
    if (this.#serving !== undefined) return this.#serving;
    throw this.#problem ?? fail('STEP_MISSING', { need: 'ranking', command: 'betr rank' });
  }

  async #poll(): Promise<void> {
    await this.look();
    if (++this.#polls % looksPerStamp === 0) await this.#checkNext();
    if (!this.#closed) this.#timer = setTimeout(() => void this.#poll(), pollMs).unref();
  }

  async #lookOnce(): Promise<void> {
    const { ranking: file, calibrations: folder } = this.#run.files;
    const calibrations = await versionOf(folder);
    const version = await versionOf(file);
    if (await this.#isToBeReadAgain()) this.#seen = null;
    try {
      if (version === this.#seen) return;
      this.#read = undefined;
      const ranking = await readRanking(this.#run);
      this.#read = { ranking, stamp: await stampParts(this.#run, ranking) };
      this.#serve(await LoadedRanking.load(this.#run, ranking));
      this.#served = this.#seen = version;
    } catch (error) {
      if (this.#served === version) this.#stop(error);
      else this.#problem = errorFrom(errorData(error));
      // What cannot be read can come back (a restored disk) and is tried again; what is altered, once it is
      // another.
      this.#seen = this.#read !== undefined || this.#problem?.code === 'STEP_MISSING' ? version : null;
    } finally {
      this.#etag = `W/"${this.#serving?.ranking.generation ?? ''}-${fingerprint({ version: readVersion(), keep: this.#run.settings.keep, calibrations: calibrations ?? '' }).slice(0, 8)}"`;
    }
  }

  /**
   * Whether a part was written since the ranking was read: looked at now and then, and each time where there
   * is a problem.
   */
  async #isToBeReadAgain(): Promise<boolean> {
    const read = this.#read;
    if (read === undefined) return false;
    return (
      (this.#problem !== undefined || this.#looks++ % looksPerStamp === 0) &&
      (await stampParts(this.#run, read.ranking)) !== read.stamp
    );
  }

  #serve(loaded: LoadedRanking): void {
    this.#serving = loaded;
    this.#problem = undefined;
    this.#opened.add(loaded);
    for (const one of this.#opened) this.#retire(one);
    loaded.checked.catch((error: unknown) => {
      if (this.#serving === loaded && !this.#closed) this.#stop(error);
    });
  }

  #stop(error: unknown): void {
    this.#problem = errorFrom(errorData(error));
    // Answers from its parts would be wrong; what else may be the matter with them passes.
    if (this.#problem.code === 'FILE_DAMAGED') this.#serving = undefined;
  }

  #retire(loaded: LoadedRanking): void {
    if (loaded === this.#serving || loaded.isUsed()) return;
    this.#opened.delete(loaded);
    void loaded.close(closeWithinMs);
  }

  async #checkNext(): Promise<void> {
    const own = this.#serving;
    await own?.checkNext().catch((error: unknown) => {
      // What cannot be read now may be read again.
      if (this.#serving === own && error instanceof BetrError && error.code === 'FILE_DAMAGED')
        this.#stop(error);
    });
  }
}

/** Changes whenever the file (or what is in the folder) is replaced; undefined while there is none. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch {
    return undefined;
  }
}
