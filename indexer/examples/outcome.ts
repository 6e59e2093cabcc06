// What comes of one row: a text, a reason, or a choice that only the benchmark's other rows can settle.

import { type Choices, type Convention, countsFrom, readGold } from './choices.ts';

/** The text of a row and the recipe that made it. */
export interface Made {
  text: string;
  recipe: string;
  /** Fields that hold text and are neither in the example nor known metadata. */
  unused: readonly string[];
}

export interface Refused {
  reason: string;
}

/** A gold field of a row, with the choice that each convention would make of it. */
export interface Gold {
  /** The recipe and the field: rows that share both follow one convention. */
  key: string;
  field: string;
  /** As it was written, shortened. */
  shown: string;
  readings: ReadonlyMap<Convention, string>;
  /** What its number counts from, where the number alone shows that. */
  countsFrom: 0 | 1 | undefined;
  /** What it can be read by. */
  allowed: readonly Convention[];
}

export interface Open {
  golds: readonly Gold[];
  choices: number;
  finish: (choice: string) => Made | Refused;
}

export type Outcome = Made | Refused | Open;

/** What there is to know of a gold field's value. */
export function readGoldField(
  choices: Choices,
  value: unknown,
): Pick<Gold, 'shown' | 'readings' | 'countsFrom'> {
  const readings = readGold(choices, value);
  return { shown: shorten(value), readings, countsFrom: countsFrom(choices, readings, value) };
}

/** Why the text of a field cannot be an answer by itself; undefined where it can. */
export function whyNoAnswer(field: string, text: string): string | undefined {
  if (/^\(?[A-J][).:]?$/i.test(text.trim()))
    return `${field} is the letter "${text.trim()}", but the row has no choices`;
  return /^(\[\s*["'].*["']\s*\]|\{\s*["'].*\})$/s.test(text.trim())
    ? `${field} is a list or an object that is written as a text`
    : undefined;
}

/** A value for a message, on one line. */
export function shorten(value: unknown): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s+/g, ' ');
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
