// The ranking that is being served. A new generation is picked up when its ranking.json appears; until it is read and found whole, and
// if it is damaged for good, the one before stays. Who holds a `LiveRanking` can go on using it.

import { stat } from 'node:fs/promises';
import { type BetrError, errorData, errorFrom, fail } from '../data/errors.ts';
import { fingerprint, type Run } from '../data/run.ts';
import { type Answer, answerWithCutoff, type Question } from '../ranking/answer.ts';
import type { Cutoff } from '../ranking/cutoff.ts';
import { type Ranking, readRanking } from '../ranking/generation.ts';

export interface LiveRanking {
  ranking: Ranking;
  /** The ETag of everything that follows from this ranking and the settings. */
  etag: string;
  /** Errors: those of `answerBudget`. */
  answer(question: Question): Promise<{ answer: Answer; cutoff: Cutoff }>;
}

export interface Live {
  /** The ranking to answer from. Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE: why there is none. */
  current(): LiveRanking;
  /** Whether there is one, and why the newest could not be taken. */
  state(): { serving: LiveRanking | undefined; problem: BetrError | undefined };
  close(): void;
}

const pollMs = 1000;

/** Reads the published ranking, if there is one, and follows it from then on. */
export async function openLive(run: Run): Promise<Live> {
  let serving: LiveRanking | undefined;
  let problem: BetrError | undefined;
  let seen: string | undefined | null = null; // null: to be read, whatever it is
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const look = async (): Promise<void> => {
    const version = await fileVersion(run.files.ranking);
    if (version === seen) return;
    try {
      serving = await load(run);
      problem = undefined;
      seen = version;
    } catch (error) {
      problem = errorFrom(errorData(error));
      // Parts can come back (a restored disk), so what is damaged is tried again; a ranking that is not there yet costs only a stat.
      seen = problem.code === 'STEP_MISSING' ? version : null;
    }
  };
  const poll = async (): Promise<void> => {
    await look();
    if (!closed) timer = setTimeout(() => void poll(), pollMs).unref();
  };
  await poll();

  return {
    current() {
      if (serving !== undefined) return serving;
      throw problem ?? fail('STEP_MISSING', { need: 'ranking', command: 'betr rank' });
    },
    state: () => ({ serving, problem }),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

async function load(run: Run): Promise<LiveRanking> {
  const ranking = await readRanking(run);
  return {
    ranking,
    etag: `W/"${ranking.generation}-${fingerprint(run.settings.keep).slice(0, 8)}"`,
    answer: (question) => answerWithCutoff(run, ranking, question),
  };
}

/** Changes whenever the file is replaced; undefined while there is none. */
async function fileVersion(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs} ${size}`;
  } catch {
    return undefined;
  }
}
