// Ranks the whole corpus: scores what is not scored yet, publishes the generation, and clears away what no generation needs any more.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readCard } from '../classifier/card.ts';
import { type CorpusScores, scoreCorpus } from '../classifier/score-corpus.ts';
import type { Report } from '../data/progress.ts';
import type { Run } from '../data/run.ts';
import { publishRanking, type Ranking, readPublished } from './generation.ts';

export interface RankResult {
  ranking: Ranking;
  /** Whether this call published a generation, or found the published one to be the corpus's. */
  published: boolean;
  scores: Omit<CorpusScores, 'parts'>;
}

/** Ranks the corpus of a run. Errors: STEP_MISSING, NO_DOCUMENTS, those of reading the corpus and of writing. */
export async function rankCorpus(run: Run, report: Report): Promise<RankResult> {
  const card = await readCard(run);
  const { parts, ...scores } = await scoreCorpus(run, report);
  const before = await readPublished(run);
  const ranking = await publishRanking(run, parts, { outputs: card.outputs.map(({ name }) => name), sha256: card.weightsSha256 });
  await removeStale(run, [ranking, ...(before === undefined ? [] : [before])]);
  return { ranking, published: before?.generation !== ranking.generation, scores };
}

/** Removes the files of scores/ that neither generation lists: readers of the last one may still be at work. */
async function removeStale(run: Run, generations: readonly Ranking[]): Promise<void> {
  const chunkOf = (file: string): string => file.replace(/[-.].*$/, '');
  const needed = new Set(generations.flatMap(({ parts }) => parts.map(({ file }) => chunkOf(file))));
  for (const name of await readdir(run.files.scores)) {
    if (!needed.has(chunkOf(name))) await rm(join(run.files.scores, name), { force: true });
  }
}
