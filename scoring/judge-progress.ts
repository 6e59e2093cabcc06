// How far a judge is: its stored answers, the tokens that they took, and what its budget leaves.

import { join } from 'node:path';
import { listFolder, readPieces } from '../data/files/files.ts';
import { openReplyStore } from '../indexer/judges/reply-store.ts';
import { readQuestions } from '../indexer/judges/questions.ts';
import type { Run } from '../run/run.ts';

export interface JudgeProgress {
  judge: string;
  /** Answers that are stored, to any question that the judge has asked. */
  answers: number;
  /** About how many documents they are for; null if a document has several windows. */
  documents: number | null;
  /** Tokens that the model read and wrote for them. */
  tokens: number;
  /** Tokens that the budget leaves; null without a budget. */
  tokensLeft: number | null;
}

/** The judge of a scorer `lm:JUDGE` or `lm:JUDGE#all`; undefined for other scorers. */
export function judgeOf(scorer: string): string | undefined {
  return /^(?:cross-fit:)?lm:(.*?)(?:#all)?$/s.exec(scorer)?.[1];
}

/**
 * What is stored of a judge's work; undefined if the settings have no such judge. Errors: JUDGE_INVALID,
 * FILE_UNREADABLE.
 */
export async function readJudgeProgress(run: Run, name: string): Promise<JudgeProgress | undefined> {
  const { judges, models } = run.settings;
  const judge = judges.find((one) => one.name === name);
  if (judge === undefined) return undefined;
  const folder = join(run.files.judgments, name);
  const store = await openReplyStore(folder);
  const tokens = store.tokens();
  await store.close();
  const answers = await countLines(folder);
  const price = models.find((model) => model.name === judge.model)?.price?.perMillionTokens;
  const { tokens: most = Infinity, money } = judge.budget;
  const paid = money === undefined || price === undefined ? Infinity : (1e6 * money) / price;
  const budget = Math.min(most, paid);
  return {
    judge: name,
    answers,
    documents: judge.windows === 'begin' ? Math.floor(answers / readQuestions(judge, false).length) : null,
    tokens,
    tokensLeft: budget === Infinity ? null : Math.max(0, Math.floor(budget - tokens)),
  };
}

/** Each answer is a line. */
async function countLines(folder: string): Promise<number> {
  let lines = 0;
  for (const name of await listFolder(folder)) {
    if (!name.endsWith('.replies')) continue;
    for await (const piece of readPieces(join(folder, name)))
      for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines++;
  }
  return lines;
}
