// Rules for rows that match no recipe: find the question, the correct answer and its support by their usual
// field names. The text has the question, the correct answer and any further field, one per line
// (docs/method.md, "Examples and embedding").

import { isRow, type Row } from '../../run/fields/field-path.ts';
import { trimText } from '../../run/fields/field-value.ts';
import { fillGap } from './apply.ts';
import { type Choices, readChoices, readFamily } from './choices.ts';
import {
  answerFields,
  choiceFields,
  conventionsOf,
  eitherField,
  goldFields,
  passageFields,
  plainFields,
  plainGoldFields,
  questionFields,
  questionLists,
  supportFields,
} from './general-fields.ts';
import {
  type Gold,
  type Made,
  type Outcome,
  readGoldField,
  type Refused,
  showValue,
  whyNoAnswer,
} from './outcome.ts';
import { listUnused } from './unused.ts';

/** The name of these rules in lists of recipes. */
export const generalRules = 'general';

const separator = '\n';

/** Applies the general rules to a row. */
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
      ? { reason: `it has choices but no gold: none of ${goldFields.join(', ')} says which is correct` }
      : made(row, whole, fields);
  return {
    golds,
    choices: choices.texts,
    finish: (text) =>
      compose(row, whole, question, { text, field: '' }, [...fields, ...golds.map(({ field }) => field)]),
  };
}

/** The question of a row alone, for rows with secret answers; undefined if it has none. */
export function questionText(row: Row): string | undefined {
  return readQuestion(row)?.text;
}

/** Skips lists of several questions: choosing one would be a guess. */
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
  // Winogrande sentences have a gap for the choice.
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
  // A text without the answer is the question, or a passage that the question is about.
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
 * Whether a row's `text` is the whole example: it contains the question and then the answer, or ends with
 * the answer if there is no question.
 */
function isWhole(whole: string, question: string | undefined, answer: string): boolean {
  const [text, asked, answered] = [plain(whole), plain(question ?? ''), plain(answer)];
  if (question === undefined) return text.endsWith(answered);
  const at = text.indexOf(asked);
  return at >= 0 && text.includes(answered, at + asked.length);
}

/** Normalizes spaces, case and final punctuation, which do not distinguish texts. */
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
 * The answer of a row without choices. Next to a `text`, a number is a class, not an answer, unless the
 * field's name says so.
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
      ? { reason: `${field} is not a list of choices: "${showValue(value)}"` }
      : { choices, fields: [field] };
  }
  return readFamily(row);
}

function questionList(row: Row): string | undefined {
  return questionLists.find((field) => Array.isArray(row[field]));
}

function whyNoQuestion(row: Row): string {
  const list = questionList(row);
  if (list !== undefined)
    return (
      `no question: "${list}" holds several; use a file with one question per row, such as ` +
      'the one on the Hugging Face hub'
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
 * The text in a value: a string, a number, yes or no for a boolean, the first item of a list (all items with
 * `joiner`), or the text in an object; undefined if it is empty.
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
