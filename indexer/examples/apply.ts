// Applies a recipe's shape to a row.

import type { Row } from '../../run/fields/field-path.ts';
import { type Found, type Path, textAt, valueAt } from '../../run/fields/recipe-path.ts';
import { trimText } from '../../run/fields/field-value.ts';
import { fillTemplate } from '../../run/fields/template.ts';
import { type Choices, readChoices, readChoiceTexts, withoutLabels } from './choices.ts';
import {
  type Gold,
  type Made,
  type Outcome,
  readGoldField,
  type Refused,
  showValue,
  whyNoAnswer,
} from './outcome.ts';
import { holds, type Shape, shapeFields } from './recipes.ts';
import { listUnused } from './unused.ts';

/** The outcome for a row that matches the shape. */
export function applyShape(row: Row, shape: Shape, recipe: string): Outcome {
  const { choose } = shape;
  const lacked = shape.need.find((condition) => !holds(row, condition));
  if (lacked !== undefined) return { reason: whyLacked(row, lacked) };
  if (choose === undefined) return makeText(row, shape, recipe);
  const choices = listChoices(row, choose);
  if ('reason' in choices) return choices;
  if (choose.marks !== undefined) {
    const choice = markedChoice(row, choices, choose.marks);
    return 'reason' in choice ? choice : makeText(row, shape, recipe, choice.value);
  }
  const golds: Gold[] = [];
  for (const { path, ...field } of choose.gold ?? []) {
    const value = valueAt(row, { path, ...field });
    if ('reason' in value) return value;
    golds.push({
      key: `${recipe} ${path}`,
      field: path,
      ...readGoldField(choices, value.value),
      allowed: choose.by,
    });
  }
  return { golds, choices: choices.texts, finish: (choice) => makeText(row, shape, recipe, choice) };
}

function whyLacked(row: Row, { field, is }: Shape['need'][number]): string {
  const at = valueAt(row, field);
  return 'reason' in at ? at.reason : `${field.path} is "${showValue(at.value)}", not ${is.join(', ')}`;
}

type Choose = NonNullable<Shape['choose']>;

function listChoices(row: Row, { from, texts, labels, withoutLabels: isPlain }: Choose): Choices | Refused {
  const own = texts === undefined ? readOwnChoices(row, from) : readChoiceTexts(texts);
  if ('reason' in own) return own;
  if (labels === undefined) return isPlain ? withoutLabels(own) : own;
  if (Array.isArray(labels)) return { texts: own.texts, labels };
  const at = valueAt(row, labels);
  if ('reason' in at) return at;
  if (!Array.isArray(at.value) || at.value.length !== own.texts.length)
    return { reason: `${labels.path} does not have one label for each of the ${own.texts.length} choices` };
  return { texts: own.texts, labels: at.value.map(String) };
}

function readOwnChoices(row: Row, from: Choose['from']): Choices | Refused {
  if (Array.isArray(from)) {
    const found = from.map((field) => textAt(row, field));
    const missing = found.find((text) => 'reason' in text);
    return missing ?? { texts: found.map((text) => ('value' in text ? trimText(text.value) : '')) };
  }
  const at: Found<unknown> =
    from === undefined ? { reason: 'the recipe names no choices', missing: false } : valueAt(row, from);
  if ('reason' in at) return at;
  return readChoices(at.value) ?? { reason: `${from?.path ?? ''} is not a list of choices` };
}

function markedChoice(row: Row, { texts }: Choices, marks: Path): { value: string } | Refused {
  const at = valueAt(row, marks);
  if ('reason' in at) return at;
  const isRight = (mark: unknown): boolean => mark === 1 || mark === true;
  const right = Array.isArray(at.value) && at.value.length === texts.length ? at.value.map(isRight) : [];
  const count = right.filter(Boolean).length;
  const value = texts[right.indexOf(true)];
  return count === 1 && value !== undefined && value !== ''
    ? { value }
    : { reason: `${marks.path} marks ${count} of the ${texts.length} choices as correct` };
}

function makeText(row: Row, shape: Shape, recipe: string, choice?: string): Made | Refused {
  const values: Record<string, string> = choice === undefined ? {} : { choice };
  if (shape.gap !== undefined) {
    const sentence = textAt(row, shape.gap);
    if ('reason' in sentence) return sentence;
    if (!sentence.value.includes('_')) return { reason: `${shape.gap.path} has no gap ("_") for the choice` };
    values['filled'] = fillGap(sentence.value, choice ?? '');
  }
  if (shape.answer !== undefined) {
    const answer = textAt(row, shape.answer);
    const problem = 'value' in answer ? whyNoAnswer(shape.answer.path, answer.value) : answer.reason;
    if (problem !== undefined) return { reason: problem };
  }
  if (shape.turns !== undefined) {
    const turns = takeTurns(row, shape.turns);
    if ('reason' in turns) return turns;
    values['turns'] = turns.value;
  }
  const text = fillTemplate(row, shape.text, values);
  if ('reason' in text) return { reason: text.reason };
  return {
    text: text.value,
    recipe,
    unused: listUnused(row, text.value, [...shapeFields(shape), ...shape.unused]),
  };
}

/** The sentence with the choice in its first gap. */
export function fillGap(sentence: string, choice: string): string {
  return sentence.replace(/_+/, () => choice);
}

function takeTurns(row: Row, [questions, answers]: readonly [Path, Path]): { value: string } | Refused {
  const [asked, answered] = [valueAt(row, questions), valueAt(row, answers)];
  if ('reason' in asked) return asked;
  if ('reason' in answered) return answered;
  const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
  const lists = [asked.value, answered.value].map((value) =>
    Array.isArray(value) && value.every(isText) ? value.map(trimText) : undefined,
  );
  const [first, second] = lists;
  if (first === undefined || second === undefined || first.length !== second.length)
    return { reason: `${questions.path} and ${answers.path} are not lists of texts of equal length` };
  return { value: first.map((question, at) => `${question}\n${second[at] ?? ''}`).join('\n') };
}
