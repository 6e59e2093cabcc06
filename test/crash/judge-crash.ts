// Kills rankings while a judge reads every document, and counts the answers that the model gave twice.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainQuestion } from '../indexer/judges/judge-run.ts';
import { crashRankings, type CrashResult } from './crash.ts';

const workers = 2;

export interface JudgeCrashResult extends CrashResult {
  /** Answers that were stored, in all series, and how many of them were stored before. */
  answers: number;
  twice: number;
}

/** Throws if more answers were given twice than could be in flight: one for each worker of each round. */
export async function crashJudging(
  folder: string,
  rounds: number,
  seed: number,
  tell: (line: string) => void,
): Promise<JudgeCrashResult> {
  let [answers, twice] = [0, 0];
  const result = await crashRankings(folder, rounds, seed, tell, {
    fewestWorkers: workers,
    mostWorkers: workers,
    scorer: 'lm:judge#all',
    lines: 120,
    more: {
      models: [{ name: 'try', model: 'dummy' }],
      // Some documents have too little answer mass.
      judges: [{ name: 'judge', model: 'try', questions: [{ ...plainQuestion, leastMass: 0.001 }] }],
    },
    async finished(run, ofSeries) {
      const digests = await listDigests(join(run.files.judgments, 'judge'));
      const again = digests.length - new Set(digests).size;
      if (again > workers * (ofSeries + 1))
        throw new Error(`the judge answered ${again} questions twice in ${ofSeries} rounds`);
      answers += digests.length;
      twice += again;
    },
  });
  return { ...result, answers, twice };
}

/** What was asked, by every complete answer. */
async function listDigests(folder: string): Promise<string[]> {
  const files = await Promise.all(
    (await readdir(folder)).map((name) => readFile(join(folder, name), 'latin1')),
  );
  return files.flatMap((text) => text.split('\n')).flatMap((line) => /^[0-9a-f]{32}/.exec(line) ?? []);
}
