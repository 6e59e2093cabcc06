// The rules for rows that no recipe knows: question, right answer and what supports it, by the names that
// such fields usually have. One text: question + correct answer + any further field, one to a line (method:
// BETR, arXiv 2507.12466, section 3).

import { isRow, type Row } from '../../run/fields/field-path.ts';
import { trimText } from '../../run/fields/recipe-path.ts';
import { fillGap } from './apply.ts';
import { type Choices, type Convention, readChoices, readFamily } from './choices.ts';
import {
  type Gold,
  type Made,
  type Outcome,
  readGoldField,
  type Refused,
  shorten,
  whyNoAnswer,
} from './outcome.ts';
import { listUnused } from './unused.ts';

/** The name that these rules go by where recipes are named. */
export const generalRules = 'general';

const separator = '\n';

/** Where the question is looked for; the first field that has text is it. */
const questionFields = [
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
/** Fields to read before the question, where they are not the question themselves. */
const passageFields = ['passage', 'context', 'article', 'story', 'paragraph', 'premise'];
const answerFields = [
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
/** Fields to read after the answer, where they are not the answer themselves. */
const supportFields = ['support', 'explanation', 'rationale', 'solution', 'long_answer', 'fact1'];
const plainFields = ['sentence', 'passage'];
const choiceFields = [
  'choices',
  'options',
  'endings',
  'candidates',
  'alternatives',
  'answer_choices',
  'answer_options',
];
/**
 * A list under this name has the choices where one of these says which is right, else ways to write the
 * answer.
 */
const eitherField = 'answers';
const plainGoldFields = [
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
const goldFields = [
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
/** Everywhere but in `gold`, which counts from 0, numbers may count from 1. */
const conventionsOf = (field: string): readonly Convention[] =>
  field === 'gold' ? ['label', 'text', 'letter', 'index'] : ['label', 'text', 'letter', 'index', 'number'];

/** What the general rules make of a row. */
export function applyGeneralRules(row: Row): Outcome {
  const whole = textOf(row['text']);
  const question = readQuestion(row);
  if (question === undefined && whole === undefined) return { reason: whyNoQuestion(row) };
  const found = listChoices(row);
  if (found !== undefined && 'reason' in found) return found;
  if (found === undefined) {
    const answer = readAnswer(row, whole !== undefined);
    if (answer === undefined) {
      if (whole !== undefined) return made(row, whole, []);
      if (questionList(row) !== undefined) return { reason: whyNoQuestion(row) };
      return question !== undefined && plainFields.includes(question.field)
        ? made(row, question.text, [question.field])
        : { reason: `no answer: none of ${answerFields.join(', ')} has text` };
    }
    return compose(row, whole, question, answer, []);
  }
  const { choices, fields } = found;
  if (choices.texts.every((text) => text === '')) return { reason: 'no choice has text' };
  const golds = goldFields
    .filter((field) => textOf(row[field]) !== undefined && !fields.includes(field))
    .map((field): Gold => ({
      key: `${generalRules} ${field}`,
      field,
      ...readGoldField(choices, row[field]),
      allowed: conventionsOf(field),
    }));
  if (golds.length === 0)
    return whole === undefined
      ? { reason: `choices, but no gold: none of ${goldFields.join(', ')} says which is right` }
      : made(row, whole, fields);
  return {
    golds,
    choices: choices.texts.length,
    finish: (text) =>
      compose(row, whole, question, { text, field: '' }, [...fields, ...golds.map(({ field }) => field)]),
  };
}

/** The question of a row alone, for rows whose answers are kept secret; undefined where it has none. */
export function questionText(row: Row): string | undefined {
  return readQuestion(row)?.text;
}

/** Of a list of questions, which one would be guessed. */
function readQuestion(row: Row): FieldText | undefined {
  return firstField(
    row,
    questionFields.filter((field) => !Array.isArray(row[field]) || row[field].length === 1),
  );
}

interface FieldText {
  field: string;
  text: string;
}

function compose(
  row: Row,
  whole: string | undefined,
  question: FieldText | undefined,
  answer: FieldText,
  known: readonly string[],
): Made | Refused {
  // Winogrande asks with a gap in the sentence; the choice belongs there.
  const filled =
    known.length > 0 && question?.field === 'sentence' && question.text.includes('_')
      ? fillGap(question.text, answer.text)
      : undefined;
  if (
    whole !== undefined &&
    isWhole(whole, filled ?? question?.text, filled === undefined ? answer.text : '')
  )
    return made(row, whole, [...known, question?.field ?? '', answer.field]);
  const problem = answer.field === '' ? undefined : whyNoAnswer(answer.field, answer.text);
  if (problem !== undefined) return { reason: problem };
  if (filled !== undefined) return made(row, filled, [...known, 'sentence']);
  // A text that lacks the answer is what is asked, or what it is asked about.
  const before = whole === undefined ? [] : [whole];
  const asked = question === undefined || (whole?.includes(question.text) ?? false) ? [] : [question.text];
  const others = (fields: readonly string[]): string[] =>
    fields
      .filter((field) => field !== question?.field && field !== answer.field && !known.includes(field))
      .flatMap((field) => textOf(row[field], separator) ?? []);
  const input = question?.field === 'instruction' ? others(['input']) : [];
  return made(
    row,
    [...before, ...others(passageFields), ...asked, ...input, answer.text, ...others(supportFields)].join(
      separator,
    ),
    [...known, question?.field ?? '', answer.field],
  );
}

/**
 * Whether a row's `text` is the whole example: it holds the question and then the answer, or ends with the
 * answer where there is no question.
 */
function isWhole(whole: string, question: string | undefined, answer: string): boolean {
  const [text, asked, answered] = [plain(whole), plain(question ?? ''), plain(answer)];
  if (question === undefined) return text.endsWith(answered);
  const at = text.indexOf(asked);
  return at >= 0 && text.includes(answered, at + asked.length);
}

/** Spaces, case and the stops at the end make no other text. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replace(/(?<![\s.!])[\s.!]+$/, '')
    .trim();
}

function made(row: Row, text: string, known: readonly string[]): Made {
  return { text, recipe: generalRules, unused: listUnused(row, text, known) };
}

/**
 * The answer of a row without choices. Beside a `text`, a number is a class, not an answer, unless the field
 * is called so.
 */
function readAnswer(row: Row, besideText: boolean): FieldText | undefined {
  return firstField(
    row,
    besideText
      ? answerFields.filter((field) => typeof row[field] !== 'number' || field.includes('answer'))
      : answerFields,
  );
}

function listChoices(row: Row): { choices: Choices; fields: string[] } | Refused | undefined {
  const isChoices =
    plainGoldFields.some((field) => textOf(row[field]) !== undefined) &&
    Array.isArray(row[eitherField]) &&
    row[eitherField].length > 1;
  for (const field of [...choiceFields, ...(isChoices ? [eitherField] : [])]) {
    const value = row[field];
    if (value === undefined || value === null || value === '') continue;
    const choices = readChoices(value);
    return choices === undefined
      ? { reason: `${field} is not a list of choices: "${shorten(value)}"` }
      : { choices, fields: [field] };
  }
  return readFamily(row);
}

/** Fields that hold many questions of one row, as SQuAD and DROP were first published. */
const questionLists = ['paragraphs', 'qa_pairs', 'qas'];

function questionList(row: Row): string | undefined {
  return questionLists.find((field) => Array.isArray(row[field]));
}

function whyNoQuestion(row: Row): string {
  const list = questionList(row);
  if (list !== undefined)
    return (
      `no question: "${list}" holds many of them; take the file with one question per row, as the ` +
      'Hugging Face hub has it'
    );
  return `no question: none of text, ${questionFields.join(', ')} has text`;
}

function firstField(row: Row, fields: readonly string[]): FieldText | undefined {
  for (const field of fields) {
    const text = textOf(row[field]);
    if (text !== undefined) return { field, text };
  }
  return undefined;
}

/**
 * The text in a value: a string, a number, yes or no for a boolean, a list's first (all of it with `joiner`),
 * or what an object holds as text; undefined where it is empty.
 */
function textOf(value: unknown, joiner?: string): string | undefined {
  if (typeof value === 'string') return trimText(value) || undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value))
    return (
      value
        .map((item) => textOf(item))
        .filter((text) => text !== undefined)
        .slice(0, joiner === undefined ? 1 : undefined)
        .join(joiner) || undefined
    );
  return isRow(value) ? textOf(value['text'] ?? value['value'] ?? value['contexts'], joiner) : undefined;
}
