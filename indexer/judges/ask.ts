// Asks a model the questions of a judge about one window of a text.

import { z } from 'zod';
import { BetrError } from '../../run/errors/errors.ts';
import type { Answer, LanguageModel } from '../../models/language-model.ts';
import { logSumExp } from '../targets/lm-score.ts';
import type { AnswerGroup, AskedQuestion } from './questions.ts';

/** A logarithm, or null for one of nothing. */
const logarithm = z.number().nullable();
/**
 * What a model answered to a question, before any limit or weight applies: the logarithm of the probability of
 * each group of answers, by all spellings and by the likeliest; or ratings, null where it wrote something
 * else; or why it has no answer.
 */
export const replySchema = z.union([
  z.strictObject({ sums: z.array(logarithm), maxima: z.array(logarithm) }),
  z.strictObject({ ratings: z.array(z.number().nullable()) }),
  z.strictObject({ reason: z.enum(['too long', 'refused']) }),
]);
export type Reply = z.output<typeof replySchema>;

/** A reply, and the tokens that the model read and wrote for it. */
export interface Told {
  reply: Reply;
  tokens: number;
}

/**
 * Asks questions about a text, in order. A text that does not fit, or that the server refuses, has a reply with
 * the reason. Errors: those of the model.
 */
export async function ask(
  model: LanguageModel,
  questions: readonly AskedQuestion[],
  text: string,
): Promise<Told[]> {
  const told = new Map<AskedQuestion, Told>();
  const byProbability = questions.filter(({ mode }) => mode === 'log probabilities');
  try {
    // One call for all questions, because they share the work on the text.
    const answers = await askProbabilities(model, byProbability, text);
    for (const [at, question] of byProbability.entries()) {
      const one = answers[at];
      if (one !== undefined) told.set(question, one);
    }
    for (const question of questions)
      if (question.mode === 'rating') told.set(question, await askRatings(model, question, text));
  } catch (error) {
    const reason = reasonIn(error);
    if (reason === undefined) throw error;
    for (const question of questions)
      if (!told.has(question)) told.set(question, { reply: { reason }, tokens: 0 });
  }
  return questions.map((question) => told.get(question) ?? { reply: { reason: 'refused' }, tokens: 0 });
}

function reasonIn(error: unknown): 'too long' | 'refused' | undefined {
  if (!(error instanceof BetrError)) return undefined;
  return error.code === 'LANGUAGE_MODEL_QUESTION'
    ? 'too long'
    : error.code === 'LANGUAGE_MODEL_REFUSED'
      ? 'refused'
      : undefined;
}

async function askProbabilities(
  model: LanguageModel,
  questions: readonly AskedQuestion[],
  text: string,
): Promise<Told[]> {
  if (questions.length === 0) return [];
  const answers = await model.logProbabilities(
    questions.map((question) => ({
      prompt: promptOf(model, question, text),
      continuations: question.groups.flatMap(({ continuations }) => continuations),
    })),
    'start',
  );
  return questions.map(({ groups }, at) => {
    const answer = answers[at] ?? unanswered;
    const tokens = answer.tokensRead + answer.tokensWritten;
    // Without its beginning, the prompt would be another.
    if (answer.cutTokens > 0) return { reply: { reason: 'too long' }, tokens };
    return { reply: replyOf(splitGroups(groups, answer)), tokens };
  });
}

/** In place of an answer that is missing. */
export const unanswered: Answer = { continuations: [], cutTokens: 0, tokensRead: 0, tokensWritten: 0 };

/** The reply that follows from the log probabilities of each group's answers; null for unreported ones. */
export function replyOf(logs: readonly (readonly (number | null)[])[]): Reply {
  return {
    sums: logs.map((group) => finite(logSumExp(group))),
    maxima: logs.map((group) => finite(Math.max(...group.map((log) => log ?? -Infinity)))),
  };
}

/** The log probabilities of each group's continuations, none of which is part of another's. */
function splitGroups(groups: readonly AnswerGroup[], { continuations }: Answer): (number | null)[][] {
  const own = ownLogs(continuations);
  let next = 0;
  return groups.map((group) => group.continuations.map(() => own[next++] ?? null));
}

/**
 * The log probability of each continuation without the others that it begins: to a model that writes "10" as two
 * tokens, the probability of "1" includes that of "10".
 */
function ownLogs(continuations: Answer['continuations']): (number | null)[] {
  const own = continuations.map(({ logProbability }) => Math.exp(logProbability ?? -Infinity));
  const begun = new Set<number>();
  for (const { logProbability, continues } of continuations) {
    if (continues === undefined) continue;
    own[continues] = (own[continues] ?? 0) - Math.exp(logProbability ?? -Infinity);
    begun.add(continues);
  }
  return continuations.map(({ logProbability }, at) =>
    begun.has(at) ? finite(Math.log(Math.max(0, own[at] ?? 0))) : logProbability,
  );
}

function finite(log: number): number | null {
  return Number.isFinite(log) ? log : null;
}

/** Control tokens in a text have no effect, also where a model would obey them. */
export function promptOf(
  { obeysControlTokens }: Pick<LanguageModel, 'obeysControlTokens'>,
  { before, after }: AskedQuestion,
  text: string,
): string {
  return before + (obeysControlTokens ? withoutControl(text) : text) + after;
}

/**
 * Puts a space into everything that some model reads as a control token: `<|im_end|>`, `</s>`, `<bos>`,
 * `<start_of_turn>`, `<SPECIAL_10>`, `<extra_id_0>`, `[INST]`, `[gMASK]`, `[control_8]`.
 */
export function withoutControl(text: string): string {
  return text
    .replace(/<(?=[|｜]|\/?[a-z][\w-]{0,30}>)/gi, '< ')
    .replace(/\[(?=\/?(?:[A-Z_]{1,30}|[a-z]MASK|[A-Za-z]{1,30}_\d{1,5})\])/g, '[ ');
}

async function askRatings(model: LanguageModel, question: AskedQuestion, text: string): Promise<Told> {
  const { samples, maxTokens } = question;
  const prompt = promptOf(model, question, text);
  const ratings: (number | null)[] = [];
  let tokens = 0;
  for (let sample = 1; sample <= samples; sample++) {
    const {
      text: written,
      tokensRead,
      tokensWritten,
      cutTokens,
    } = await model.generate(prompt, {
      maxTokens,
      temperature: samples === 1 ? 0 : 1,
      seed: sample,
    });
    tokens += tokensRead + tokensWritten;
    if (cutTokens > 0) return { reply: { reason: 'too long' }, tokens };
    ratings.push(readRating(written, question));
  }
  return { reply: { ratings }, tokens };
}

/** The only number on the scale, or the first word that is an answer; null if there is neither. */
export function readRating(
  written: string,
  { groups, isScale }: Pick<AskedQuestion, 'groups' | 'isScale'>,
): number | null {
  const thoughtEnd = written.lastIndexOf('</think>');
  const plain = thoughtEnd < 0 ? written : written.slice(thoughtEnd + '</think>'.length);
  if (isScale) {
    const values = groups.map(({ value }) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const numbers = numbersIn(plain, low, high);
    if (numbers.length > 0) {
      const [value = NaN] = numbers;
      return numbers.length === 1 && value >= low && value <= high ? value : null;
    }
  }
  const lower = plain.toLowerCase();
  let found: { value: number; at: number } | undefined;
  for (const { value, continuations } of groups) {
    for (const continuation of continuations) {
      const word = continuation.trim().toLowerCase();
      const at = lower.search(wholeWord(word));
      if (word !== '' && at >= 0 && at < (found?.at ?? Infinity)) found = { value, at };
    }
  }
  return found?.value ?? null;
}

/** The distinct numbers in an answer, except those that only repeat the scale: "from 0 to 5", "3 of 5", "3/5". */
function numbersIn(written: string, low: number, high: number): number[] {
  const rest = written
    .replace(
      new RegExp(String.raw`(?<![\d.])${low} ?(?:to|through|and|[-–—]) ?${high}(?![\d.]\d|\d)`, 'g'),
      ' ',
    )
    .replace(new RegExp(String.raw`(?:\/|\bof|\bout of) ?${high}(?![\d.]\d|\d)`, 'g'), ' ');
  return [...new Set(rest.match(/-?\d+(?:\.\d+)?/g)?.map(Number))];
}

function wholeWord(word: string): RegExp {
  const escaped = word.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\p{L}\p{N}])${escaped}(?![\p{L}\p{N}])`, 'u');
}
