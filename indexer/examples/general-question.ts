// The question of a row that matches no recipe: from the fields that usually have it, with its passage.

import { isRow, type Row } from '../../run/fields/field-path.ts';
import { trimText } from '../../run/fields/field-value.ts';
import { fillGap } from './apply.ts';
import { generalRules, passageFields, questionFields, supportFields } from './general-fields.ts';
import { type Made, type Refused, whyNoAnswer } from './outcome.ts';
import { listUnused } from './unused.ts';

const separator = '\n';

/** The question of a row alone, for rows with secret answers; undefined if it has none. */
export function questionText(row: Row): string | undefined {
  return readQuestion(row)?.text;
}

/** Skips lists of several questions: choosing one would be a guess. */
export function readQuestion(row: Row): FieldText | undefined {
  return firstField(
    row,
    questionFields.filter((field) => !Array.isArray(row[field]) || row[field].length === 1),
  );
}

export interface FieldText {
  field: string;
  text: string;
}

export function compose(
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

export function made(row: Row, text: string, known: readonly string[]): Made {
  return { text, recipe: generalRules, unused: listUnused(row, text, known) };
}

export function firstField(row: Row, fields: readonly string[]): FieldText | undefined {
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
export function textOf(value: unknown, joiner?: string): string | undefined {
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
