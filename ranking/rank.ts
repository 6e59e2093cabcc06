// Ranks the whole corpus: scores what is not scored yet, publishes the generation, and clears away what no generation needs any more.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chunkOf, isChunkName } from '../classifier/part.ts';
import { foldManifests, readCards, readPublishedParts } from '../classifier/published.ts';
import { type CorpusScores, scoreCorpus } from '../classifier/score-corpus.ts';
import { defaultScorer, prepareScorer } from '../classifier/scorers/list.ts';
import { systemCode } from '../data/errors.ts';
import { watchLeases } from '../data/lease.ts';
import type { Report } from '../data/progress.ts';
import type { Run } from '../data/run.ts';
import { publishRanking, type Ranking, readPublished } from './generation.ts';

export interface RankResult {
  ranking: Ranking;
  /** Whether this call published a generation, or found the published one to be the corpus's. */
  published: boolean;
  scores: Omit<CorpusScores, 'parts'>;
  /** What somebody who reads the ranking has to know of the scorer. */
  notes: string[];
}

/** Ranks the corpus of a run by a scorer; each has a ranking of its own. Errors: SCORER_UNKNOWN and those of the scorer; STEP_MISSING, NO_DOCUMENTS, WORKERS_LOST, those of reading the corpus and of writing. */
export async function rankCorpus(main: Run, report: Report, scorer = defaultScorer): Promise<RankResult> {
  const { run, prepared } = await prepareScorer(main, scorer, report);
  const { parts, ...scores } = await scoreCorpus(run, report);
  const before = await readPublished(run);
  const ranking = await publishRanking(run, readCards(run, parts), { outputs: prepared.outputs, sha256: prepared.fingerprint });
  await removeStale(run, [ranking, ...(before === undefined ? [] : [before])]);
  return { ranking, published: before?.generation !== ranking.generation, scores, notes: prepared.notes };
}

/** Removes what neither generation lists: readers of the last one may still be at work. */
async function removeStale(run: Run, generations: readonly Ranking[]): Promise<void> {
  const needed = new Set(generations.flatMap(({ parts }) => parts.map(({ file }) => file)));
  const { byChunk } = await readPublishedParts(run);
  await foldManifests(run, [...byChunk.values()].flat().filter(({ file }) => needed.has(file)));
  const chunks = new Set([...needed].map(chunkOf));
  const atWork = await isAnybodyAtWork(run);
  const isTemporary = (name: string): boolean => name.endsWith('.spill') || (name.startsWith('.') && name.endsWith('.tmp'));
  for (const folder of [run.files.scores, run.files.quarantine, run.files.manifest, run.files.leases]) {
    for (const name of await list(folder)) {
      const chunk = chunkOf(name);
      const stale = chunk === undefined ? !atWork && isTemporary(name) : !chunks.has(chunk);
      if (stale) await rm(join(folder, name), { force: true, recursive: true });
    }
  }
}

/** Whether a worker may be alive, here or elsewhere. The leases of those that are gone from this machine are removed. */
async function isAnybodyAtWork(run: Run): Promise<boolean> {
  const watch = watchLeases(Infinity);
  const free = await Promise.all((await list(run.files.leases)).filter(isChunkName).map((name) => watch.isFree(join(run.files.leases, name))));
  return !free.every(Boolean);
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
