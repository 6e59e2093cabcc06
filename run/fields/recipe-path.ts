// Paths into a row in recipes and templates: `question`, `answers.text[0]`, `messages[*].content`,
// `choices[gold]`. They never guess: a missing value, or one that is not text, gives a reason.

import { isRow, type Row } from './field-path.ts';
import { letterIn, numberIn, structureIn, trimText } from './field-value.ts';

/** `missing`: the value does not exist or is empty. */
export type Found<T> = { value: T } | { reason: string; missing: boolean };

type Step = { name: string } | { item: number } | { all: true } | { by: Path; minus: number };

export interface Path {
  /** As it was written. */
  path: string;
  steps: readonly Step[];
}

/** Parses a path; returns the problem if it is invalid. */
export function parsePath(path: string): Path | string {
  const steps: Step[] = [];
  let at = 0;
  while (at < path.length) {
    if (path[at] === '[') {
      const end = closingBracket(path, at);
      if (end < 0) return `"${path}" has an unclosed "["`;
      const step = parseIndex(path.slice(at + 1, end).trim());
      if (typeof step === 'string') return `"${path}": ${step}`;
      steps.push(step);
      at = end + 1;
      if (path[at] === '.') at++;
      continue;
    }
    const end = path.slice(at).search(/[.[]/);
    const name = end < 0 ? path.slice(at) : path.slice(at, at + end);
    if (name === '') return `"${path}" has a part without a name`;
    steps.push({ name });
    at += name.length;
    if (path[at] !== '.') continue;
    at++;
    if (at === path.length) return `"${path}" ends with a dot`;
  }
  return steps.length === 0 ? 'a field without a name' : { path, steps };
}

function closingBracket(path: string, open: number): number {
  let depth = 0;
  for (let at = open; at < path.length; at++) {
    if (path[at] === '[') depth++;
    if (path[at] === ']' && --depth === 0) return at;
  }
  return -1;
}

function parseIndex(index: string): Step | string {
  if (index === '*') return { all: true };
  if (/^-?\d+$/.test(index)) return { item: Number(index) };
  const minus = /^([^-]+)-\s*(\d+)$/.exec(index);
  const by = parsePath(minus?.[1]?.trimEnd() ?? index);
  return typeof by === 'string' ? by : { by, minus: Number(minus?.[2] ?? 0) };
}

/** The names of the fields that a path and its indices start with. */
export function fieldsOf({ steps }: Path): string[] {
  return steps.flatMap((step, place) =>
    'name' in step ? (place === 0 ? [step.name] : []) : 'by' in step ? fieldsOf(step.by) : [],
  );
}

/**
 * The value at a path; with `[*]`, the list of all values. A field whose name is the whole path, dots
 * included, takes precedence.
 */
export function valueAt(row: Row, path: Path): Found<unknown> {
  if (Object.hasOwn(row, path.path)) return found(row[path.path], path.path);
  return walk(row, row, path.steps, '');
}

function walk(row: Row, value: unknown, [step, ...rest]: readonly Step[], place: string): Found<unknown> {
  if (step === undefined) return found(value, place);
  const inside = structureIn(value);
  if (inside === undefined || inside === null) return missing(place);
  if ('all' in step) {
    if (!Array.isArray(inside)) return { reason: `"${place}" is not a list`, missing: false };
    const isNested = rest.some((next) => 'all' in next);
    const values: unknown[] = [];
    for (const [i, item] of inside.entries()) {
      const one = walk(row, item, rest, `${place}[${i}]`);
      // No item of a list may be lost.
      if ('reason' in one) return { reason: one.reason, missing: false };
      const items: unknown[] = isNested && Array.isArray(one.value) ? one.value : [one.value];
      values.push(...items);
    }
    return values.length === 0 ? missing(place) : { value: values };
  }
  const key = keyOf(row, step, inside, place);
  if ('reason' in key) return key;
  const next =
    typeof key.value === 'number'
      ? `${place}[${key.value}]`
      : place === ''
        ? key.value
        : `${place}.${key.value}`;
  return walk(
    row,
    Array.isArray(inside)
      ? inside.at(Number(key.value))
      : isRow(inside) && Object.hasOwn(inside, key.value)
        ? inside[key.value]
        : undefined,
    rest,
    next,
  );
}

/** The item or field of `value` that a step selects. */
function keyOf(
  row: Row,
  step: Exclude<Step, { all: true }>,
  value: unknown,
  place: string,
): Found<string | number> {
  if ('name' in step)
    return isRow(value)
      ? { value: step.name }
      : { reason: `"${place}" has no field "${step.name}": it is ${kindOf(value)}`, missing: false };
  if ('item' in step)
    return Array.isArray(value)
      ? { value: step.item }
      : { reason: `"${place}" is not a list`, missing: false };
  const by = valueAt(row, step.by);
  if ('reason' in by) return by;
  const index = by.value;
  const shown = `"${step.by.path}" is ${JSON.stringify(index).slice(0, 40)}`;
  if (isRow(value))
    return typeof index === 'string' && Object.hasOwn(value, index)
      ? { value: index }
      : { reason: `${shown}, which is not a field of "${place}"`, missing: false };
  if (!Array.isArray(value)) return { reason: `"${place}" is not a list`, missing: false };
  const number = numberIn(index) ?? (step.minus === 0 ? letterIn(index) : undefined);
  const item = number === undefined ? undefined : number - step.minus;
  return item !== undefined && item >= 0 && item < value.length
    ? { value: item }
    : { reason: `${shown}, which is not an item of "${place}" (${value.length} items)`, missing: false };
}

/** The text at a path. All items of a list must be the same; `[*]` puts each item on a line. */
export function textAt(row: Row, path: Path): Found<string> {
  const at = valueAt(row, path);
  if ('reason' in at) return at;
  const isAll = path.steps.some((step) => 'all' in step);
  if (!Array.isArray(at.value)) return oneText(at.value, path.path);
  const texts: string[] = [];
  for (const item of at.value) {
    const text = oneText(item, path.path);
    if ('value' in text) texts.push(text.value);
    else if (!text.missing) return text;
  }
  if (texts.length === 0) return missing(path.path);
  if (isAll) return { value: texts.map(trimText).join('\n') };
  const [first = '', ...others] = new Set(texts);
  return others.length === 0
    ? { value: first }
    : {
        reason:
          `"${path.path}" has ${others.length + 1} different items; use ${path.path}[0] for the ` +
          `first, or ${path.path}[*] for all`,
        missing: false,
      };
}

function oneText(value: unknown, place: string): Found<string> {
  if (typeof value === 'string') return value.trim() === '' ? missing(place) : { value };
  if (typeof value === 'number') return Number.isFinite(value) ? { value: String(value) } : missing(place);
  if (typeof value === 'boolean') return { value: value ? 'yes' : 'no' };
  if (value === null || value === undefined) return missing(place);
  const fields = isRow(value) ? Object.keys(value).join(', ') : '';
  return {
    reason: `"${place}" is ${kindOf(value)}, not text${fields === '' ? '' : `; it has ${fields}`}`,
    missing: false,
  };
}

function found(value: unknown, place: string): Found<unknown> {
  return value === undefined || value === null ? missing(place) : { value };
}

function missing(place: string): Found<never> {
  return { reason: `"${place}" is missing or empty`, missing: true };
}

function kindOf(value: unknown): string {
  return Array.isArray(value)
    ? 'a list'
    : isRow(value)
      ? 'an object'
      : typeof value === 'string'
        ? 'text'
        : `a ${typeof value}`;
}
