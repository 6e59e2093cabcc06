// The ranking that the server answers from, sorted in memory. A new generation is picked up when its
// ranking.json appears; the previous one stays until the new one is read and complete, and if the new one
// is damaged. A `LiveRanking` remains usable for its holder.

import { stat } from 'node:fs/promises';
import { BetrError, errorData, errorFrom, fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { readVersion } from '../run/version.ts';
import { type Ranking, readRanking, stampParts } from '../ranking/generation.ts';
import { type Loan, LoadedRanking, type LiveRanking } from '../ranking/order/live-ranking.ts';

/** A request's view of the ranking. */
export interface LiveView {
  /**
   * The ranking to answer from, for what needs none of its files. Errors: STEP_MISSING, FILE_DAMAGED,
   * FILE_UNREADABLE: why there is none.
   */
  current(): LiveRanking;
  /**
   * Identifies everything besides the request that an answer depends on: generation, settings, calibrations.
   * Errors: those of `current`.
   */
  etag(): string;
  /** Whether there is a ranking, and why the newest could not be loaded. */
  state(): LiveState;
  /** Checks for a new generation and new calibrations immediately. */
  look(): Promise<void>;
}

export interface LiveState {
  serving: LiveRanking | undefined;
  problem: BetrError | undefined;
}

const pollMs = 1000;
/** Every this many checks, the parts are checked and one of them is read; there may be many, far away. */
const looksPerStamp = 10;
const closeWithinMs = 1_000;

/** Follows the published ranking. */
export class Live implements LiveView {
  readonly #run: Run;
  #serving: LoadedRanking | undefined;
  /** The served ranking, and earlier ones that requests still use: each holds a full order in memory. */
  readonly #opened = new Set<LoadedRanking>();
  #problem: BetrError | undefined;
  /** The last checked version of ranking.json; null: read it in any case. */
  #seen: string | undefined | null = null;
  #served: string | undefined;
  /** The last loaded ranking, complete or not, and the state of its parts then. */
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

  /** Loads the published ranking, and checks for a new one every second. */
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
   * Lends the ranking to one request: the files of its `current` stay until `release`, even if a newer
   * ranking replaces it.
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

  /** Ends background work on the rankings, waiting at most `withinMs`. */
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
    if (await this.#mustReload()) this.#seen = null;
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
      // An unreadable file may come back (a restored disk) and is tried again; a damaged one only after it
      // has changed.
      const isMissing = ['STEP_MISSING', 'CORPUS_MISSING'].includes(this.#problem?.code ?? '');
      this.#seen = this.#read !== undefined || isMissing ? version : null;
    } finally {
      const { keep } = this.#run.settings;
      const rest = fingerprint({ version: readVersion(), keep, calibrations: calibrations ?? '' });
      this.#etag = `W/"${this.#serving?.ranking.generation ?? ''}-${rest.slice(0, 8)}"`;
    }
  }

  /**
   * Whether a part was written since the ranking was read: checked occasionally, and every time there is a
   * problem.
   */
  async #mustReload(): Promise<boolean> {
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
    // Damaged parts would give wrong answers; other problems may pass.
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
      // What is unreadable now may be readable later.
      if (this.#serving === own && error instanceof BetrError && error.code === 'FILE_DAMAGED')
        this.#stop(error);
    });
  }
}

/** Changes whenever the file or folder is replaced; undefined if there is none. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch {
    return undefined;
  }
}
