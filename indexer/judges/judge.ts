// A judge: a language model that answers questions about texts, and the score that follows from its answers.

import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { LanguageModel } from '../../models/language-model.ts';

export interface JudgedQuestion {
  name: string;
  /** Between 0 and 1, higher is better; null if unknown. */
  score: number | null;
  /** The score by the likeliest spelling of each answer, as in the paper. */
  scoreByMaximum: number | null;
  /** The probability of all answers together; for ratings, the share of samples with a rating. */
  mass: number;
  /** A scale or rating in its own units. */
  value?: number;
  /** The standard deviation of the samples of a rating. */
  spread?: number;
}

export interface JudgedWindow {
  /** The part of the text, in UTF-16 code units. */
  from: number;
  to: number;
  score: number | null;
  questions: JudgedQuestion[];
}

export interface JudgedText {
  score: number | null;
  /** Why there is no score. */
  reason: UnknownReason | null;
  /** The questions, each combined over the windows. */
  questions: JudgedQuestion[];
  windows: JudgedWindow[];
  /** Tokens that the model read and wrote now; 0 if all answers were stored. */
  tokens: number;
}

/**
 * empty: there is no text; answer mass: the model would answer something else; too long: the text does not fit
 * into the context; refused: the server refuses the text; no rating: the model wrote no answer that is one of
 * the question's.
 */
export type UnknownReason = 'empty' | 'answer mass' | 'too long' | 'refused' | 'no rating';

export type JudgeKind = 'LM-Score' | 'topic score' | 'rating';

export interface Judge {
  name: string;
  kind: JudgeKind;
  /** Changes with everything that a score depends on except the text. */
  fingerprint: string;
  model: LanguageModel;
  /** The names of the questions. */
  questions: readonly string[];
  /** What users of the scores should know. */
  notes: readonly string[];
  /**
   * Judges texts, in order, and stores every answer. Errors: JUDGE_BUDGET, DISK_FULL, WRITE_FAILED, those of
   * the model.
   */
  judge(texts: readonly string[], onProgress?: (done: number) => void): Promise<JudgedText[]>;
  close(): Promise<void>;
}

/**
 * Opens a judge of the settings and asks its model a test question. Errors: JUDGE_UNKNOWN, JUDGE_INVALID,
 * those of `openLanguageModel`.
 */
export function openJudge(run: Run, name: string, report: Report): Promise<Judge> {
  report({ stage: 'load the judge', done: 0, unit: 'models' });
  const known = run.settings.judges.map((judge) => judge.name);
  return Promise.reject(fail('JUDGE_UNKNOWN', { name, known }));
}
