// A judge: a language model that answers questions about texts, and the score that follows from its answers.

import { join } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import type { JudgeSettings } from '../../run/judge-settings.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import { openLanguageModel } from '../../models/open.ts';
import type { TextWindow } from '../targets/lm-score.ts';
import { promptOf, type Told } from './ask.ts';
import { judgeText, windowsOf } from './judge-windows.ts';
import { type AskedQuestion, readQuestions } from './questions.ts';
import { questionDigest, windowDigest } from './reply-digest.ts';
import { openReplyStore } from './reply-store.ts';
import { tryQuestions } from './try-questions.ts';
import { openWindowJudge } from './window-judge.ts';

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

export interface JudgeRequest {
  /** What the reply is stored by: 32 hex digits. */
  digest: string;
  question: AskedQuestion;
  prompt: string;
  /** Whether the reply is stored already. */
  isStored: boolean;
}

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
  /** What the model would be asked about texts, each request once. */
  requests(texts: readonly string[]): JudgeRequest[];
  /** Stores replies from elsewhere. Errors: DISK_FULL, WRITE_FAILED. */
  add(replies: readonly (Told & { digest: string })[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a judge of the settings and asks its model a test question. Errors: JUDGE_UNKNOWN, JUDGE_INVALID,
 * LOG_PROBABILITIES_OFF, those of `openLanguageModel`.
 */
export async function openJudge(run: Run, name: string, report: Report): Promise<Judge> {
  const { judges, models } = run.settings;
  const settings = judges.find((judge) => judge.name === name);
  if (settings === undefined) throw fail('JUDGE_UNKNOWN', { name, known: judges.map((judge) => judge.name) });
  const ofModel = models.find((one) => one.name === settings.model);
  const questions = readQuestions(settings, ofModel?.chat ?? false);
  const mostTokens = budgetTokens(settings, ofModel?.price?.perMillionTokens);
  report({ stage: `load the language model ${settings.model}`, done: 0, total: 1, unit: 'models' });
  const model = await openLanguageModel(run.settings, settings.model, run.settingsFolder);
  try {
    const notes = await tryQuestions(settings, model, questions);
    const store = await openReplyStore(join(run.files.judgments, name));
    const judge = openWindowJudge({
      name,
      model,
      questions,
      store,
      atOnce: () => model.callsAtOnce ?? 1,
      budget: { mostTokens, price: ofModel?.price?.perMillionTokens, ...settings.budget },
    });
    return {
      name,
      kind: kindOf(settings, questions),
      fingerprint: fingerprint({
        judge: 1,
        model: model.fingerprint,
        questions,
        windows: settings.windows,
        characters: settings.characters,
        combine: settings.combine,
      }),
      model,
      questions: questions.map((question) => question.name),
      notes,
      async judge(texts, onProgress = () => undefined) {
        const cut = texts.map((text) => cutText(text, settings));
        const answered = await judge.answer(
          cut.map(({ pieces }) => pieces),
          onProgress,
        );
        return answered.map(({ replies, tokens }, at) =>
          judgeText(settings, questions, cut[at]?.windows ?? [], replies, tokens),
        );
      },
      requests(texts) {
        const digests = questions.map((question) => ({ question, digest: questionDigest(model, question) }));
        const pieces = new Set(texts.flatMap((text) => cutText(text, settings).pieces));
        const requests = Array.from(pieces).flatMap((piece) =>
          digests.map(({ question, digest }) => ({
            digest: windowDigest(digest, piece),
            question,
            prompt: promptOf(model, question, piece),
          })),
        );
        const stored = store.find(requests.map(({ digest }) => digest));
        return requests.map((request, at) => ({ ...request, isStored: stored[at] !== undefined }));
      },
      add: (replies) => store.add(replies),
      async close() {
        await store.close();
        await model.close();
      },
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** A text's windows, and what is in them. */
function cutText(text: string, settings: JudgeSettings): { windows: TextWindow[]; pieces: string[] } {
  const whole = text.toWellFormed();
  const windows = windowsOf(whole, settings);
  return { windows, pieces: windows.map(({ from, to }) => whole.slice(from, to)) };
}

/** The kind of a judge of the settings; undefined if there is no such judge. Errors: JUDGE_INVALID. */
export function findKind({ judges, models }: Run['settings'], name: string): JudgeKind | undefined {
  const settings = judges.find((judge) => judge.name === name);
  if (settings === undefined) return undefined;
  const isChat = models.find((model) => model.name === settings.model)?.chat ?? false;
  return kindOf(settings, readQuestions(settings, isChat));
}

function kindOf({ subject }: JudgeSettings, questions: readonly AskedQuestion[]): JudgeKind {
  if (questions.some(({ mode, isScale }) => mode === 'rating' || isScale)) return 'rating';
  return subject === undefined && questions.every(({ isYesNo }) => isYesNo) ? 'LM-Score' : 'topic score';
}

/** The most tokens that the budget pays for. Errors: JUDGE_INVALID. */
function budgetTokens({ name, model, budget }: JudgeSettings, price: number | undefined): number {
  if (budget.money === undefined) return budget.tokens ?? Infinity;
  if (price === undefined)
    throw fail('JUDGE_INVALID', {
      judge: name,
      problem: `it has a budget of money, but the model "${model}" has no price.perMillionTokens`,
    });
  return Math.min(budget.tokens ?? Infinity, (1e6 * budget.money) / price);
}
