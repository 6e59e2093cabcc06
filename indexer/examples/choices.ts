// The choices of a row, and the ones its gold field may refer to. A "2" can be a label, a text, the second
// choice or the third. Every reading is kept here; the recipe or the benchmark's other rows decide later.

import { isRow } from '../../run/fields/field-path.ts';
import { letterIn, numberIn, structureIn, trimText } from '../../run/fields/field-value.ts';

/**
 * How a gold field identifies the correct choice: by its label, its text, its letter, its number from 0
 * (`index`) or its number from 1 (`number`).
 */
export const conventions = ['label', 'text', 'letter', 'index', 'number'] as const;
export type Convention = (typeof conventions)[number];

export interface Choices {
  /** '' if a choice has no text. */
  texts: readonly string[];
  labels?: readonly string[] | undefined;
  /** The texts begin with the labels, such as "(A)". */
  inTexts?: boolean;
  /** Choices are numbers rather than strings of digits. */
  areNumbers?: boolean;
}

const textFields = ['text', 'content', 'value', 'answer', 'choice', 'option'];
const labelFields = ['label', 'key', 'id', 'letter'];

/**
 * Reads the choices in one field: a list of texts, a list of objects with texts and labels, an object with
 * lists of both, or an object by label.
 */
export function readChoices(field: unknown): Choices | undefined {
  const value = structureIn(field);
  if (Array.isArray(value))
    return value.length > 0 && value.every(isRow) ? readObjects(value) : readChoiceTexts(value);
  if (!isRow(value)) return undefined;
  const { text, label } = value;
  if (Array.isArray(text))
    return {
      texts: text.map(choiceText),
      labels: Array.isArray(label) && label.length === text.length ? label.map(String) : undefined,
    };
  const labels = Object.keys(value);
  return labels.length > 1 && labels.every((name) => /^([A-Za-z]|\d{1,2})$/.test(name))
    ? { texts: labels.map((name) => choiceText(value[name])), labels }
    : undefined;
}

function readObjects(values: readonly Readonly<Record<string, unknown>>[]): Choices | undefined {
  const common = (fields: readonly string[]): string | undefined =>
    fields.find((field) => values.every((value) => ['string', 'number'].includes(typeof value[field])));
  const [text, label] = [common(textFields), common(labelFields)];
  return text === undefined
    ? undefined
    : {
        texts: values.map((value) => choiceText(value[text])),
        labels: label === undefined ? undefined : values.map((value) => String(value[label])),
      };
}

/** Choices from a list of texts. */
export function readChoiceTexts(values: readonly unknown[]): Choices {
  const texts = values.map(choiceText);
  return {
    texts,
    ...labelsInTexts(texts),
    areNumbers: values.length > 0 && values.every((value) => typeof value === 'number'),
  };
}

const labelAhead = /^\(?([A-Za-z])[).:]\s*/;

function labelsInTexts(texts: readonly string[]): Pick<Choices, 'labels' | 'inTexts'> {
  const labels = texts.map((text) => labelAhead.exec(text)?.[1] ?? '');
  return texts.length > 1 && !labels.includes('') && new Set(labels).size === labels.length
    ? { labels, inTexts: true }
    : {};
}

/** Removes the labels that the texts begin with. */
export function withoutLabels(choices: Choices): Choices {
  return choices.inTexts === true
    ? { texts: choices.texts.map((text) => text.replace(labelAhead, '')), labels: choices.labels }
    : choices;
}

/** Suffixes of the field names; the empty last one ends the list. */
export const letters = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', ''];
export const digits = ['1', '2', '3', '4', '5', '6', '7', '8', '9', ''];

/** Every choice that a gold value may refer to, by the convention it would follow. */
export function readGold(
  { texts, labels, inTexts, areNumbers }: Choices,
  value: unknown,
): Map<Convention, string> {
  const gold: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  const read = new Map<Convention, string>();
  if (typeof gold !== 'string' && typeof gold !== 'number' && typeof gold !== 'boolean') return read;
  const put = (convention: Convention, text: string | undefined): void => {
    if (text !== undefined && text !== '') read.set(convention, text);
  };
  const written = String(gold).trim();
  const labeled = new Set(
    texts.filter((_, at) => labels !== undefined && plainLabel(labels[at] ?? '') === plainLabel(written)),
  );
  if (labeled.size === 1) put('label', [...labeled][0]);
  if (typeof gold === 'string' || areNumbers === true)
    put(
      'text',
      texts.find((text) => text === written),
    );
  const [letter, number] = [letterIn(gold), numberIn(gold)];
  // Explicit labels settle it, but numbers may still index choices labeled with letters.
  if (
    labels !== undefined &&
    inTexts !== true &&
    (letter !== undefined || labels.some((label) => /\d/.test(label)))
  )
    return read;
  if (letter !== undefined) put('letter', texts[letter]);
  if (number === undefined) return read;
  put('index', texts[number]);
  put('number', texts[number - 1]);
  return read;
}

/**
 * Whether a gold counts from 0 or 1, if its number alone shows it: 0 cannot count from 1, and the number of
 * choices cannot count from 0.
 */
export function countsFrom(
  { texts }: Choices,
  readings: ReadonlyMap<Convention, string>,
  value: unknown,
): 0 | 1 | undefined {
  if (!readings.has('index') && !readings.has('number')) return undefined;
  const number = numberIn(Array.isArray(value) ? value[0] : value);
  if (number === 0) return 0;
  return number === texts.findLastIndex((text) => text !== '') + 1 ? 1 : undefined;
}

function plainLabel(label: string): string {
  return label
    .trim()
    .replace(/^\((.*)\)$/, '$1')
    .replace(/[).:]$/, '')
    .toUpperCase();
}

export function choiceText(value: unknown): string {
  return typeof value === 'string'
    ? trimText(value)
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '';
}
