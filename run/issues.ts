// Describes what a schema rejects: the field, its value, and what is allowed.

import { z } from 'zod';
import { shorten } from './shorten.ts';

const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
};
const maxProblems = 10;
const shownCharacters = 200;

/**
 * What the failed check allows, to follow "it must be". Passed to zod as `error`; a schema's own message
 * takes precedence.
 */
export const allowedBy: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.inst instanceof z.ZodObject
        ? `an object with the fields ${fieldsOf(issue.inst)}`
        : typeNames[issue.expected];
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return sized(
        issue.origin,
        `${issue.minimum} or more`,
        `${issue.inclusive === false ? 'above' : 'of at least'} ${issue.minimum}`,
      );
    case 'too_big':
      return sized(
        issue.origin,
        `at most ${issue.maximum}`,
        `${issue.inclusive === false ? 'below' : 'of at most'} ${issue.maximum}`,
      );
    case 'unrecognized_keys':
      return issue.inst instanceof z.ZodObject ? fieldsOf(issue.inst) : undefined;
    default:
      return undefined;
  }
};

function fieldsOf({ shape }: z.ZodObject): string {
  return Object.keys(shape).join(', ');
}

function sized(origin: string, size: string, ofNumber: string): string {
  if (origin === 'string') return `a string of ${size} characters`;
  return origin === 'array' ? `a list of ${size} entries` : `a number ${ofNumber}`;
}

/**
 * The problems that a schema found in `root` (with `allowedBy`), one sentence each. `whole` names the root
 * and prefixes fields that have no name.
 */
export function describeIssues(issues: readonly z.core.$ZodIssue[], root: unknown, whole: string): string[] {
  return issues
    .flatMap(closest)
    .slice(0, maxProblems)
    .map((issue) => describe(issue, root, whole));
}

/** Parses a file that betr wrote: returns the value, or how it shows that another version wrote it. */
export function parseOwnFile<T>(value: unknown, schema: z.ZodType<T>): { value: T } | { problem: string } {
  const parsed = schema.safeParse(value, { error: allowedBy });
  if (parsed.success) return { value: parsed.data };
  return {
    problem:
      'another version of betr wrote it ' +
      `(${describeIssues(parsed.error.issues, value, 'the content').at(0) ?? 'its format is different'})`,
  };
}

/** For a union: the problems of the branch that the value resembles, if there is one. */
function closest(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const like = issue.errors.find((branch) =>
    branch.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  );
  if (like === undefined)
    return [{ ...issue, message: issue.errors.flatMap(([first]) => first?.message ?? []).join(', or ') }];
  return like.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })).flatMap(closest);
}

function describe(issue: z.core.$ZodIssue, root: unknown, whole: string): string {
  const field = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  const name = field.startsWith('.') ? field.slice(1) : `${whole}${field}`;
  if (issue.code === 'unrecognized_keys')
    return `${name} has the unknown field ${showKeys(issue.keys)} (known: ${issue.message})`;
  const got = valueInside(root, issue.path);
  return got === undefined
    ? `${name} is missing; it must be ${issue.message}`
    : `${name} is ${show(got)}, but it must be ${issue.message}`;
}

/** The value at a path; undefined if there is none. */
export function valueInside(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    root,
  );
}

/** The first field names. */
export function showKeys(keys: readonly string[]): string {
  const shown = keys.slice(0, maxProblems).map(show).join(', ');
  return keys.length > maxProblems ? `${shown} and ${keys.length - maxProblems} more` : shown;
}

/** A value as JSON, shortened for a message. */
export function show(value: unknown): string {
  if (value === undefined) return 'missing';
  try {
    return shorten(JSON.stringify(clip(value, { left: shownCharacters }, [])), shownCharacters);
  } catch {
    return 'a value that contains itself';
  }
}

/**
 * The beginning of a value: little more than what is shown, no matter how large and deep it is. Throws if the
 * value contains itself.
 */
function clip(value: unknown, room: { left: number }, outer: readonly unknown[]): unknown {
  room.left--;
  if (typeof value === 'string') {
    room.left -= value.length;
    return value.slice(0, shownCharacters);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (outer.includes(value)) throw new Error('it contains itself');
  const inner = (one: unknown): unknown => (room.left > 0 ? clip(one, room, [...outer, value]) : null);
  if (Array.isArray(value)) return value.slice(0, room.left).map(inner);
  const clipped: [string, unknown][] = [];
  for (const key in value) {
    if (room.left <= 0) break;
    room.left -= key.length;
    clipped.push([key.slice(0, shownCharacters), inner(Reflect.get(value, key))]);
  }
  return Object.fromEntries(clipped);
}
