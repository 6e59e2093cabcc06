// Rules for rows that match no recipe: find the question, the correct answer and its support by their usual
// field names. The text has the question, the correct answer and any further field, one per line
// (docs/method.md, "Examples and embedding").

import type { Row } from '../../run/fields/field-path.ts';
import { type Choices, readChoices } from './choices.ts';
import { readFamily } from './choice-family.ts';
import {
  answerFields,
  choiceFields,
  conventionsOf,
  eitherField,
  goldFields,
  plainFields,
  plainGoldFields,
  questionFields,
  questionLists,
  generalRules,
} from './general-fields.ts';
import { type Gold, type Outcome, readGoldField, type Refused, showValue } from './outcome.ts';
import { readQuestion, type FieldText, compose, made, firstField, textOf } from './general-question.ts';

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
