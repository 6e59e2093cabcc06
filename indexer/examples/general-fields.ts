// Field names that the general rules look for, in order.

import type { Convention } from './choices.ts';

/** The name of the general rules in lists of recipes. */
export const generalRules = 'general';

/** Fields that may hold the question; the first with text counts. */
export const questionFields = [
  'question',
  'question_stem',
  'query',
  'problem',
  'prompt',
  'goal',
  'sentence',
  'ctx',
  'instruction',
  'input',
  'premise',
  'passage',
  'context',
];

/** Fields that go before the question, unless they are the question. */
export const passageFields = ['passage', 'context', 'article', 'story', 'paragraph', 'premise'];

export const answerFields = [
  'answer',
  'correct_answer',
  'answers',
  'target',
  'output',
  'response',
  'completion',
  'canonical_solution',
  'solution',
  'code',
  'final_decision',
];

/** Fields that go after the answer, unless they are the answer. */
export const supportFields = ['support', 'explanation', 'rationale', 'solution', 'long_answer', 'fact1'];

export const plainFields = ['sentence', 'passage'];

export const choiceFields = [
  'choices',
  'options',
  'endings',
  'candidates',
  'alternatives',
  'answer_choices',
  'answer_options',
];

/**
 * A list with this name holds the choices if one of these fields says which is correct; otherwise it holds
 * ways to write the answer.
 */
export const eitherField = 'answers';

export const plainGoldFields = [
  'gold',
  'answerKey',
  'answer_key',
  'label',
  'answer_index',
  'answer_idx',
  'correct_answer',
  'correct_option',
  'correct',
];

export const goldFields = [
  'gold',
  'answerKey',
  'answer_key',
  'label',
  'answer_index',
  'answer_idx',
  'answer',
  'correct_answer',
  'correct_option',
  'correct',
  'target',
];

/** Numbers in `gold` always count from 0; in other fields they may count from 1. */
export const conventionsOf = (field: string): readonly Convention[] =>
  field === 'gold' ? ['label', 'text', 'letter', 'index'] : ['label', 'text', 'letter', 'index', 'number'];

/** Fields that hold many questions in one row, as in the first releases of SQuAD and DROP. */
export const questionLists = ['paragraphs', 'qa_pairs', 'qas'];
