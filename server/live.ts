// The ranking that is being served, sorted in memory. A new generation is picked up when its ranking.json appears; until it is read and found
// whole, and if it is damaged, the one before stays. Who holds a `LiveRanking` can go on using it.

import { stat } from 'node:fs/promises';
import { BetrError, errorData, errorFrom, fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { readVersion } from '../run/version.ts';
import { type Ranking, readRanking, stampParts } from '../ranking/generation.ts';
import { type Lease, type LiveRanking, loadRanking, type LoadedRanking } from '../ranking/order/live-ranking.ts';

export interface Live {
  /** The ranking to answer from, for what needs none of its files. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE: why there is none. */
  current(): LiveRanking;
  /** For one request: what `current` gives keeps its files until `release`, although a newer ranking takes its place. */
  lend(): { live: Live; release: () => void };
  /** Names everything that an answer follows from besides the request: the generation, the settings, the calibrations. Errors: as `current`. */
  etag(): string;
  /** Whether there is one, and why the newest could not be taken. */
  state(): { serving: LiveRanking | undefined; problem: BetrError | undefined };
  /** Looks for a new generation and new calibrations at once. */
  look(): Promise<void>;
  /** Ends what is made of the rankings, and waits for that at most so long. */
  close(withinMs?: number): Promise<void>;
}

const pollMs = 1000;
/** Parts are looked at, and one of them is read, every so many looks, as they may be many and far away. */
const looksPerStamp = 10;
const closeWithinMs = 1_000;

/** Reads the published ranking, if there is one, and follows it from then on. */
export async function openLive(run: Run): Promise<Live> {
  let serving: LoadedRanking | undefined;
  /** The one that is served, and those before it that requests still use: each has its whole order in memory. */
  const opened = new Set<LoadedRanking>();
  let problem: BetrError | undefined;
  let seen: string | undefined | null = null; // null: to be read, whatever it is
  let served: string | undefined;
  /** What was read last, whole or not, and how its parts were then. */
  let read: { ranking: Ranking; stamp: string } | undefined;
  let looks = 0;
  let calibrations: string | undefined;
  let etag = '';
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const stop = (error: unknown): void => {
    problem = errorFrom(errorData(error));
    // Answers from its parts would be wrong; what else may be the matter with them passes.
    if (problem.code === 'FILE_DAMAGED') serving = undefined;
  };
  const retire = (loaded: LoadedRanking): void => {
    if (loaded === serving || loaded.isUsed()) return;
    opened.delete(loaded);
    void loaded.close(closeWithinMs);
  };
  const serve = (loaded: LoadedRanking): void => {
    serving = loaded;
    problem = undefined;
    opened.add(loaded);
    for (const one of opened) retire(one);
    loaded.checked.catch((error: unknown) => {
      if (serving === loaded && !closed) stop(error);
    });
  };
  const lookOnce = async (): Promise<void> => {
    calibrations = await versionOf(run.files.calibrations);
    const version = await versionOf(run.files.ranking);
    if (read !== undefined && (problem !== undefined || looks++ % looksPerStamp === 0) && (await stampParts(run, read.ranking)) !== read.stamp) seen = null;
    try {
      if (version === seen) return;
      read = undefined;
      const ranking = await readRanking(run);
      read = { ranking, stamp: await stampParts(run, ranking) };
      serve(await loadRanking(run, ranking));
      served = seen = version;
    } catch (error) {
      if (served === version) stop(error);
      else problem = errorFrom(errorData(error));
      // What cannot be read can come back (a restored disk) and is tried again; what is altered, once it is another.
      seen = read !== undefined || problem?.code === 'STEP_MISSING' ? version : null;
    } finally {
      etag = `W/"${serving?.ranking.generation ?? ''}-${fingerprint({ version: readVersion(), keep: run.settings.keep, calibrations: calibrations ?? '' }).slice(0, 8)}"`;
    }
  };
  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => (looking ??= lookOnce().finally(() => (looking = undefined)));
  const checkNext = async (): Promise<void> => {
    const own = serving;
    await own?.checkNext().catch((error: unknown) => {
      // What cannot be read now may be read again.
      if (serving === own && error instanceof BetrError && error.code === 'FILE_DAMAGED') stop(error);
    });
  };
  let polls = 0;
  const poll = async (): Promise<void> => {
    await look();
    if (++polls % looksPerStamp === 0) await checkNext();
    if (!closed) timer = setTimeout(() => void poll(), pollMs).unref();
  };
  await poll();

  const current = (): LoadedRanking => {
    if (serving !== undefined) return serving;
    throw problem ?? fail('STEP_MISSING', { need: 'ranking', command: 'betr rank' });
  };
  const live: Live = {
    current,
    lend() {
      let lent: { of: LoadedRanking; lease: Lease } | undefined;
      return {
        live: {
          ...live,
          current() {
            const of = lent?.of ?? current();
            lent ??= { of, lease: of.lend() };
            return lent.lease.ranking;
          },
        },
        release() {
          lent?.lease.release();
          if (lent !== undefined) retire(lent.of);
        },
      };
    },
    etag() {
      current();
      return etag;
    },
    state: () => ({ serving, problem }),
    look,
    async close(withinMs = closeWithinMs) {
      closed = true;
      clearTimeout(timer);
      await Promise.all([...opened].map((ranking) => ranking.close(withinMs)));
    },
  };
  return live;
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
