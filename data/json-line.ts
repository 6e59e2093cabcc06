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
  if (!isUtf8(bytes)) return { kind: 'bad', reason: 'not valid UTF-8' };
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (/^[ \t\r\n]*$/.test(line)) return { kind: 'blank' };
  const row = parseRow(line);
  if (row === undefined) return { kind: 'bad', reason: 'not valid JSON' };
  if (row === null) return { kind: 'bad', reason: 'not a JSON object' };
  const bad = (field: string, problem: string): LineResult => ({ kind: 'bad', reason: `field "${field}" ${problem}` });
  const text = valueAt(row, fields.text);
  if (text === undefined) return bad(fields.text, 'is missing');
  if (typeof text !== 'string') return bad(fields.text, 'is not a string');
  // eslint-disable-next-line no-control-regex -- what the scanner takes for invisible: control characters and the space
  if (/^[\0-\x20]*$/.test(text)) return bad(fields.text, 'is empty');
  const id = valueAt(row, fields.id) ?? undefined;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') return bad(fields.id, 'is neither a string nor a number');
  const source = valueAt(row, fields.source) ?? '';
  if (typeof source !== 'string' && typeof source !== 'number') return bad(fields.source, 'is neither a string nor a number');
  const tokens = valueAt(row, fields.tokens) ?? Number.NaN;
  if (typeof tokens !== 'number' || !isCount(tokens)) return bad(fields.tokens, 'is not a whole number of tokens');
  return { kind: 'document', id: id === '' ? undefined : id?.toString(), source: source.toString(), tokens, text };
}

/** Whether a number can be a count of tokens, or stands for none. */
export function isCount(tokens: number): boolean {
  return Number.isNaN(tokens) || (Number.isSafeInteger(tokens) && tokens >= 0);
}

/** The line's object; undefined where it is no JSON, null where it is something else than an object. */
export function parseRow(line: string): Record<string, unknown> | undefined | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const row = rowSchema.safeParse(value);
  return row.success ? row.data : null;
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
