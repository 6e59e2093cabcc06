// The ranking that is being served, sorted in memory. A new generation is picked up when its ranking.json appears; until it is read and found
// whole, and if it is damaged, the one before stays. Who holds a `LiveRanking` can go on using it.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openBoundedCache } from '../data/bounded-cache.ts';
import { type BetrError, errorData, errorFrom, fail, reasonOf } from '../data/errors.ts';
import { fingerprint, type Run } from '../data/run.ts';
import { readVersion } from '../data/version.ts';
import { type Answer, answerFrom, checkQuestion, type Question } from '../ranking/answer.ts';
import { readLaw } from '../ranking/calibrations.ts';
import { type Cuts, openCuts } from '../ranking/cuts.ts';
import type { Cutoff } from '../ranking/cutoff.ts';
import { type Ranking, readRanking, stampParts } from '../ranking/generation.ts';
import type { Law } from '../ranking/laws.ts';
import { type Ordered, openOrders } from '../ranking/orders.ts';
import { type Choice, chooseBenchmarks } from '../ranking/retarget.ts';

export interface LiveRanking {
  /** As published. */
  ranking: Ranking;
  /** From memory. Errors: those of `answerBudget`. */
  answerOnly(question: Question): Promise<Answer>;
  /** With the whole cutoff, for SQL; of a cut through equal scores the keys are read from disk. Errors: the same. */
  answer(question: Question): Promise<{ answer: Answer; cutoff: Cutoff }>;
  /**
   * The ranking that a question is about, for what asks SQL: as published, or by the question's benchmarks, once its files are there.
   * Errors: BENCHMARK_UNKNOWN, OPTION_INVALID; those of `combineScores` and of writing.
   */
  target(choice: Choice): Promise<Ranking>;
  /** How the scores that a question is about lie, from memory. Errors: as `target`. */
  histogram(choice: Choice): Promise<Ranking['histogram']>;
  /** The positions of `count` documents on each side of a cut that keeps so many, from memory; undefined while equal scores are not in the order of their keys. Errors: as `target`. */
  around(choice: Choice, keptDocuments: number, count: number): Promise<Uint32Array | undefined>;
}

export interface Live {
  /** The ranking to answer from. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE: why there is none. */
  current(): LiveRanking;
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
/** Parts are looked at every so many looks, as they may be many and far away. */
const looksPerStamp = 10;
/** Parts of so many bytes are held against their checksums before they are served, which takes less than a second; more of them meanwhile. */
const checkedFirstBytes = 128e6;

interface Loaded extends LiveRanking {
  /** Rejects where a part is found not to be what was published. */
  checked: Promise<void>;
  close(withinMs: number): Promise<void>;
}

const closeWithinMs = 1_000;
/** Each holds its whole order in memory. */
const mostOpened = 2;

/** Reads the published ranking, if there is one, and follows it from then on. */
export async function openLive(run: Run): Promise<Live> {
  let serving: Loaded | undefined;
  const opened: Loaded[] = [];
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
  const serve = (loaded: Loaded): void => {
    serving = loaded;
    problem = undefined;
    loaded.checked.catch((error: unknown) => {
      if (serving === loaded && !closed) stop(error);
    });
    // Requests that hold one of those before may still have orders to be made.
    opened.push(loaded);
    if (opened.length > mostOpened) void opened.shift()?.close(closeWithinMs);
  };
  const lookOnce = async (): Promise<void> => {
    calibrations = await versionOf(join(run.folder, 'calibrations'));
    const version = await versionOf(run.files.ranking);
    if (read !== undefined && (problem !== undefined || looks++ % looksPerStamp === 0) && (await stampParts(run, read.ranking)) !== read.stamp) seen = null;
    try {
      if (version === seen) return;
      read = undefined;
      const ranking = await readRanking(run);
      read = { ranking, stamp: await stampParts(run, ranking) };
      serve(await load(run, ranking));
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
  const poll = async (): Promise<void> => {
    await look();
    if (!closed) timer = setTimeout(() => void poll(), pollMs).unref();
  };
  await poll();

  const current = (): LiveRanking => {
    if (serving !== undefined) return serving;
    throw problem ?? fail('STEP_MISSING', { need: 'ranking', command: 'betr rank' });
  };
  return {
    current,
    etag() {
      current();
      return etag;
    },
    state: () => ({ serving, problem }),
    look,
    async close(withinMs = closeWithinMs) {
      closed = true;
      clearTimeout(timer);
      await Promise.all(opened.map((ranking) => ranking.close(withinMs)));
    },
  };
}

/** Orders by chosen benchmarks are kept up to this size together, and at least one. */
const targetBytes = 200e6;
const mostTargets = 16;
const bytesPerDocument = 7;

interface Target extends Ordered {
  cuts: Cuts;
}

async function load(run: Run, ranking: Ranking): Promise<Loaded> {
  const orders = openOrders(run, ranking);
  const open = (ordered: Ordered): Target => ({ ...ordered, cuts: openCuts(run, ordered) });
  let closed = false;
  try {
    let published = open(await orders.read());
    const isSmall = ranking.parts.reduce((sum, { bytes }) => sum + bytes, 0) <= checkedFirstBytes;
    if (isSmall) await orders.check();
    const prepareMore = async (): Promise<void> => {
      if (!published.order.byKey) published = open(await orders.sortKeys(published.order));
      await orders.rankAhead();
    };
    const prepared = prepareMore().catch((error: unknown) => closed || reportBackground(error));
    const checked = isSmall ? Promise.resolve() : prepared.then(() => orders.check());
    // Whoever serves it hears of it.
    checked.catch(() => undefined);
    const targets = openBoundedCache<string, Promise<Target>>(Math.max(1, Math.min(mostTargets, Math.floor(targetBytes / (bytesPerDocument * ranking.documents)))));
    const find = (choice: Choice): Promise<Target> | Target => {
      const benchmarks = chooseBenchmarks(ranking, choice);
      if (benchmarks === undefined) return published;
      const key = benchmarks.join('\n');
      const known = targets.get(key);
      if (known !== undefined) return known;
      const target = orders.retarget(benchmarks, published).then(open);
      targets.set(key, target);
      // What failed is tried again by whoever asks next.
      target.then(({ written }) => written).catch(() => targets.delete(key));
      return target;
    };
    const prepare = async (question: Question): Promise<{ law: Law; target: Target }> => {
      const law = await readLaw(run, question.pool ?? run.settings.keep.pool);
      // Nothing costly is done for a question that has no answer.
      checkQuestion(question);
      return { law, target: await find(question) };
    };
    return {
      ranking,
      checked,
      async answerOnly(question) {
        const { law, target } = await prepare(question);
        return (await answerFrom({ settings: run.settings.keep, ranking: target.ranking, law, cut: target.cuts.cut }, question)).answer;
      },
      async answer(question) {
        const { law, target } = await prepare(question);
        return answerFrom({ settings: run.settings.keep, ranking: target.ranking, law, cut: target.cuts.find }, question);
      },
      async target(choice) {
        const { ranking: target, written } = await find(choice);
        await written;
        return target;
      },
      histogram: async (choice) => (await find(choice)).ranking.histogram,
      async around(choice, keptDocuments, count) {
        const { byKey, positions } = (await find(choice)).order;
        return byKey ? positions.slice(Math.max(0, keptDocuments - count), keptDocuments + count) : undefined;
      },
      close(withinMs) {
        closed = true;
        return orders.close(withinMs);
      },
    };
  } catch (error) {
    await orders.close(closeWithinMs);
    throw error;
  }
}

/** What fails in the background costs only speed, and is told to whoever reads the log. */
function reportBackground(error: unknown): void {
  process.stderr.write(`betr: what makes answers faster could not be made ahead: ${reasonOf(error)}\n`);
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
