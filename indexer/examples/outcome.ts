// The outcome of one row: a text, a reason for refusing it, or a choice that only the benchmark's other rows
// can settle.

import { shortenLine } from '../../run/shorten.ts';
import { type Choices, type Convention, countsFrom, readGold } from './choices.ts';

/** The text of a row and the recipe that produced it. */
export interface Made {
  text: string;
  recipe: string;
  /** Fields that hold text but are neither in the example nor known metadata. */
  unused: readonly string[];
}

export interface Refused {
  reason: string;
}

/** A gold field of a row, with the choice it means under each convention. */
export interface Gold {
  /** The recipe and the field: rows with the same key follow the same convention. */
  key: string;
  field: string;
  /** The value as written, shortened. */
  shown: string;
  readings: ReadonlyMap<Convention, string>;
  /** Whether its number counts from 0 or 1, if the number alone shows it. */
  countsFrom: 0 | 1 | undefined;
  /** Conventions that may apply. */
  allowed: readonly Convention[];
}

export interface Open {
  golds: readonly Gold[];
  choices: readonly string[];
  finish: (choice: string) => Made | Refused;
}

export type Outcome = Made | Refused | Open;

/** Interprets the value of a gold field. */
export function readGoldField(
  choices: Choices,
  value: unknown,
): Pick<Gold, 'shown' | 'readings' | 'countsFrom'> {
  const readings = readGold(choices, value);
  return { shown: showValue(value), readings, countsFrom: countsFrom(choices, readings, value) };
}

/** Why a field's text cannot be an answer on its own; undefined if it can. */
export function whyNoAnswer(field: string, text: string): string | undefined {
  if (/^\(?[A-J][).:]?$/i.test(text.trim()))
    return `${field} is the letter "${text.trim()}", but the row has no choices`;
  return /^(\[\s*["'].*["']\s*\]|\{\s*["'].*\})$/s.test(text.trim())
    ? `${field} is a list or an object written as text`
    : undefined;
}

/** The beginning of a value for a message, on one line. */
export function showValue(value: unknown): string {
  return shortenLine(typeof value === 'string' ? value : JSON.stringify(value), 40);
}
