// The questions of a judge as its model is asked them, checked so that the answers can mean something.

import { fail } from '../../run/errors/errors.ts';
import type { JudgeSettings, QuestionSettings } from '../../run/judge-settings.ts';
import { leastMass } from '../targets/lm-score.ts';
import { presetNames, presetQuestions, subjectNames, subjectQuestion } from './presets.ts';

/** Answers that mean the same. */
export interface AnswerGroup {
  /** On a scale or in a rating; otherwise 1 for answers in favor and 0 for those against. */
  value: number;
  /** The texts that may follow the prompt. */
  continuations: string[];
}

export interface AskedQuestion {
  name: string;
  /** The prompt around the text. */
  before: string;
  after: string;
  /** In favor and against, or the values of a scale in ascending order. */
  groups: AnswerGroup[];
  isScale: boolean;
  /** Whether the answers are yes and no. */
  isYesNo: boolean;
  mode: QuestionSettings['mode'];
  samples: number;
  maxTokens: number;
  spelling: QuestionSettings['spelling'];
  weight: number;
  leastMass: number;
}

/**
 * The questions of a judge. `isChat` is for models that answer with a message. Errors: JUDGE_INVALID for an
 * unknown preset or subject, and for questions whose answers would be meaningless.
 */
export function readQuestions(judge: JudgeSettings, isChat: boolean): AskedQuestion[] {
  const questions = findQuestions(judge);
  const isOwn = judge.questions !== undefined;
  // They become column names, which are case-insensitive.
  const names = new Set(questions.map(({ name }) => name.toLowerCase()));
  if (names.size < questions.length) throw invalid(judge, 'two of its questions have the same name');
  return questions.map((question) => {
    const groups = answerGroups(question, isChat);
    const [before = '', after, ...more] = question.prompt.split('{text}');
    const of = `question "${question.name}"`;
    if (after === undefined)
      throw invalid(judge, `${of} has no {text} in its prompt, so the model would not see the text`);
    if (more.length > 0) throw invalid(judge, `${of} has {text} more than once in its prompt`);
    const other = /\{(?:title|url|document|source)\}/.exec(before + after);
    if (other !== null)
      throw invalid(judge, `${of} has ${other[0]} in its prompt; only {text} can be filled in`);
    const problem = sharedAnswer(groups) ?? givenAnswer(before, after, groups, question.scale === undefined);
    if (problem !== undefined) throw invalid(judge, `${of} ${problem}`);
    return {
      name: question.name,
      before,
      after,
      groups,
      isScale: question.scale !== undefined,
      isYesNo: isYesNo(question),
      mode: question.mode,
      samples: question.samples,
      maxTokens: question.maxTokens,
      spelling: question.spelling,
      weight: question.weight,
      // What the settings say counts more than what comes with a preset.
      leastMass:
        (isOwn ? (question.leastMass ?? judge.leastMass) : (judge.leastMass ?? question.leastMass)) ??
        leastMass,
    };
  });
}

function findQuestions(judge: JudgeSettings): readonly QuestionSettings[] {
  const { preset, subject, questions } = judge;
  if (preset !== undefined) {
    const found = presetQuestions(preset);
    if (found === undefined)
      throw invalid(judge, `there is no preset "${preset}"; there are ${presetNames().join(', ')}`);
    return found;
  }
  if (subject !== undefined) {
    const found = subjectQuestion(subject);
    if (found === undefined)
      throw invalid(judge, `there is no subject "${subject}"; there are ${subjectNames().join(', ')}`);
    return [found];
  }
  return questions ?? [];
}

function invalid({ name }: JudgeSettings, problem: string): Error {
  return fail('JUDGE_INVALID', { judge: name, problem });
}

function answerGroups(question: QuestionSettings, isChat: boolean): AnswerGroup[] {
  const { scale, prompt } = question;
  const follow = (words: readonly string[]): string[] => [
    ...new Set(words.map((word) => continuationOf(word, prompt, isChat))),
  ];
  if (scale === undefined)
    return [
      { value: 1, continuations: follow(question.for ?? []) },
      { value: 0, continuations: follow(question.against ?? []) },
    ];
  if (!Array.isArray(scale))
    return Object.entries(scale)
      .map(([value, words]) => ({ value: Number(value), continuations: follow(words) }))
      .sort((a, b) => a.value - b.value);
  const [low, high] = scale;
  return Array.from({ length: high - low + 1 }, (_, at) => ({
    value: low + at,
    continuations: follow([String(low + at)]),
  }));
}

/** A blank separates a word from the prompt, except in a reply and in scripts that are written without blanks. */
function continuationOf(word: string, prompt: string, isChat: boolean): string {
  const needsBlank =
    !isChat &&
    !/\s$/.test(prompt) &&
    !/^[\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(word);
  return needsBlank ? ` ${word}` : word;
}

/** An answer that is, or begins, an answer with another meaning. */
function sharedAnswer(groups: readonly AnswerGroup[]): string | undefined {
  for (const { value, continuations } of groups) {
    for (const other of groups) {
      if (other.value === value) continue;
      for (const one of continuations) {
        if (other.continuations.includes(one)) return `has the answer "${one.trim()}" with two meanings`;
        const longer = other.continuations.find((text) => text.startsWith(`${one} `));
        if (longer !== undefined)
          return (
            `has the answer "${one.trim()}", which "${longer.trim()}" begins with, ` +
            'so the probability of one is part of the probability of the other'
          );
      }
    }
  }
  return undefined;
}

/** A prompt that already has the answer, which the model would repeat. */
function givenAnswer(
  before: string,
  after: string,
  groups: readonly AnswerGroup[],
  namesBothOrNone: boolean,
): string | undefined {
  const namedIn = (text: string, { continuations }: AnswerGroup): string | undefined =>
    continuations.map((word) => word.trim()).find((word) => hasWord(text, word));
  const end = after.trimEnd();
  for (const { continuations } of groups) {
    const word = continuations
      .map((text) => text.trim())
      .find((text) => end.endsWith(text) && /[:=]\s*$/.test(end.slice(0, -text.length)));
    if (word !== undefined) return `has the answer "${word}" at the end of its prompt`;
  }
  if (!namesBothOrNone) return undefined;
  const named = groups.map((group) => namedIn(`${before} ${after}`, group));
  const only = named.find((word) => word !== undefined);
  return only !== undefined && named.includes(undefined)
    ? `has the answer "${only}" in its prompt, but none of the opposite answers, which leads the model`
    : undefined;
}

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const isWhole =
      !/[\p{L}\p{N}]$/u.test(text.slice(0, at)) && !/^[\p{L}\p{N}]/u.test(text.slice(at + word.length));
    if (isWhole) return true;
  }
  return false;
}

function isYesNo({ scale, for: inFavor = [], against = [] }: QuestionSettings): boolean {
  const are = (words: readonly string[], word: string): boolean =>
    words.every((one) => one.trim().toLowerCase() === word);
  return scale === undefined && are(inFavor, 'yes') && are(against, 'no');
}
