// The slow, obvious reader of one line of JSON: the definition that the scanner (json-scan.as.ts) has to agree with, and what reads the odd lines.

import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { FieldNames } from './settings.ts';

export type LineResult =
  | { kind: 'document'; id: string | undefined; source: string; tokens: number; text: string }
  | { kind: 'blank' }
  | { kind: 'bad'; reason: string };

const rowSchema = z.record(z.string(), z.unknown());

/** Reads one line. Of fields named twice the last counts, as in JSON.parse. tokens is NaN where there is no count; id undefined where there is none. */
export function readLine(bytes: Uint8Array, fields: FieldNames): LineResult {
  const row = parseRow(bytes);
  if (row === undefined) return { kind: 'blank' };
  if (typeof row === 'string') return { kind: 'bad', reason: row };
  const bad = (field: string, problem: string): LineResult => ({ kind: 'bad', reason: `field "${field}" ${problem}` });
  const text = valueAt(row, fields.text);
  if (text === undefined) return bad(fields.text, 'is missing');
  if (typeof text !== 'string') return bad(fields.text, 'is not a string');
  // What the scanner takes for invisible: control characters and the space.
  if (/^[\0-\x20]*$/.test(text)) return bad(fields.text, 'is empty');
  const id = valueAt(row, fields.id) ?? undefined;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return bad(fields.id, 'is neither a string nor a number');
  if (isInexact(id)) return bad(fields.id, 'is a number too large to be kept exactly in such a line; write it as a string');
  const source = valueAt(row, fields.source) ?? '';
  if (typeof source !== 'string' && typeof source !== 'number') return bad(fields.source, 'is neither a string nor a number');
  if (isInexact(source)) return bad(fields.source, 'is a number too large to be kept exactly in such a line; write it as a string');
  const tokens = valueAt(row, fields.tokens) ?? Number.NaN;
  if (typeof tokens !== 'number' || !isCount(tokens)) return bad(fields.tokens, 'is not a whole number of tokens');
  return { kind: 'document', id: id === undefined || id === '' ? undefined : wellFormed(String(id)), source: wellFormed(String(source)), tokens, text };
}

/** The text of a document's line, whatever its other fields are; undefined where it has none. */
export function readText(bytes: Uint8Array, field: string): string | undefined {
  const row = parseRow(bytes);
  const text = typeof row === 'object' ? valueAt(row, field) : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** A number as a name: whole ones digit by digit, however long, so that no two become one; others as JavaScript writes them. */
export function numberName(json: string): string {
  return /^-?\d+$/.test(json) && json !== '-0' ? json : String(Number(json));
}

/** Half a surrogate pair becomes U+FFFD, as it does in any file that is UTF-8. */
export function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}

/** Whether JSON.parse may have changed a number's digits (the scanner keeps them). */
function isInexact(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

/** Whether a number can be a count of tokens, or stands for none. */
export function isCount(tokens: number): boolean {
  return Number.isNaN(tokens) || (Number.isSafeInteger(tokens) && tokens >= 0);
}

/** The line's object; undefined where the line is blank, the reason where it is anything else. */
export function parseRow(bytes: Uint8Array): Record<string, unknown> | string | undefined {
  if (!isUtf8(bytes)) return 'not valid UTF-8';
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const start = line.search(/[^ \t\r\n]/);
  if (start < 0) return undefined;
  if (line[start] !== '{') return 'not a JSON object';
  // To let JSON.parse fail takes a hundred times as long as to read a short line.
  if (!/^[ \t\r\n]*\{[ \t\r\n]*["}]/.test(line) || lastVisible(line) !== '}') return 'not valid JSON';
  const value = parseJson(line);
  if (value === undefined) return 'not valid JSON';
  const row = rowSchema.safeParse(value);
  return row.success ? row.data : 'not a JSON object';
}

/** From the end, as a pattern for it would look through every run of spaces inside again and again. */
function lastVisible(line: string): string | undefined {
  let at = line.length - 1;
  while (' \t\r\n'.includes(line[at] ?? 'none')) at--;
  return line[at];
}

/** The value; undefined where the text is no JSON. */
function parseJson(text: string): unknown {
  const before = Error.stackTraceLimit;
  // A file may have millions of such lines, and most of what an error takes is its stack.
  Error.stackTraceLimit = 0;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = before;
  }
}

/** A field's value; "a.b" is b inside the object a. */
function valueAt(row: Record<string, unknown>, name: string): unknown {
  const [parent, inner] = splitName(name);
  if (parent === '') return Object.hasOwn(row, inner) ? row[inner] : undefined;
  const object = rowSchema.safeParse(Object.hasOwn(row, parent) ? row[parent] : undefined);
  return object.success && Object.hasOwn(object.data, inner) ? object.data[inner] : undefined;
}

/** A field's name as the object it is inside of ('' for the row itself) and the name there. */
export function splitName(name: string): [parent: string, inner: string] {
  const dot = name.indexOf('.');
  return dot <= 0 || dot === name.length - 1 ? ['', name] : [name.slice(0, dot), name.slice(dot + 1)];
}
