// The slow, obvious reader of one line of JSON: the definition that the scanner (json-scan.as.ts) has to
// agree with, and what reads the odd lines.

import { isUtf8 } from 'node:buffer';
import { mostDocumentTokens } from '../../run/bounds.ts';
import { isRow, type Row, valueOf, idIn } from '../../run/fields/field-path.ts';
import type { FieldNames } from '../../run/settings.ts';

export type LineResult =
  | { kind: 'document'; id: string | undefined; source: string; tokens: number; text: string }
  | { kind: 'blank' }
  | { kind: 'bad'; reason: string };

/**
 * Reads one line. Of fields named twice the last counts, as in JSON.parse. tokens is NaN where there is no
 * count; id undefined where there is none.
 */
export function readLine(bytes: Uint8Array, fields: FieldNames): LineResult {
  const row = parseRow(bytes, (word) => ({ [wordKey]: word }));
  if (row === undefined) return { kind: 'blank' };
  if (typeof row === 'string') return { kind: 'bad', reason: row };
  for (const field of [fields.text, fields.id, fields.source, fields.tokens]) {
    const value = valueOf(row, field);
    if (isRow(value) && typeof value[wordKey] === 'string')
      return bad(field, `is ${value[wordKey]}, which is not valid JSON`);
  }
  const text = valueOf(row, fields.text);
  if (text === undefined) return bad(fields.text, 'is missing');
  if (typeof text !== 'string') return bad(fields.text, 'is not a string');
  // What the scanner takes for invisible: control characters and the space.
  if (/^[\0-\x20]*$/.test(text)) return bad(fields.text, 'is empty');
  const id = valueOf(row, fields.id) ?? undefined;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number')
    return bad(fields.id, 'is neither a string nor a number');
  if (isInexact(id)) return bad(fields.id, 'is a number too large to be kept exactly; write it as a string');
  const name = idIn(id);
  const source = valueOf(row, fields.source) ?? '';
  if (typeof source !== 'string' && typeof source !== 'number')
    return bad(fields.source, 'is neither a string nor a number');
  if (isInexact(source))
    return bad(fields.source, 'is a number too large to be kept exactly; write it as a string');
  const tokens = valueOf(row, fields.tokens) ?? Number.NaN;
  if (typeof tokens !== 'number' || !isCount(tokens)) return bad(fields.tokens, countProblem(tokens));
  return { kind: 'document', id: name && wellFormed(name), source: wellFormed(String(source)), tokens, text };
}

function bad(field: string, problem: string): LineResult {
  return { kind: 'bad', reason: `field "${field}" ${problem}` };
}

/** Stands for NaN or an infinity: an object with this key, which no corpus has. */
const wordKey = '\0word';

/** The text of a document's line, whatever its other fields are; undefined where it has none. */
export function readText(bytes: Uint8Array, field: string): string | undefined {
  const row = parseRow(bytes);
  const text = typeof row === 'object' ? valueOf(row, field) : undefined;
  return typeof text === 'string' ? text : undefined;
}

/**
 * A number as a name: whole ones digit by digit, however long, so that no two become one; others as
 * JavaScript writes them.
 */
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
  return Number.isNaN(tokens) || (Number.isInteger(tokens) && tokens >= 0 && tokens <= mostDocumentTokens);
}

/** What is wrong with a value that is no count of tokens. */
export function countProblem(tokens: unknown): string {
  return typeof tokens === 'number' && Number.isInteger(tokens) && tokens > mostDocumentTokens
    ? `is ${tokens}, but a document can have at most ${mostDocumentTokens} tokens`
    : 'is not a whole number of tokens';
}

/**
 * The line's object; undefined where the line is blank, the reason where it is anything else. NaN, Infinity
 * and -Infinity, which Python writes, are no JSON: they become what `wordValue` says, or null.
 */
export function parseRow(
  bytes: Uint8Array,
  wordValue: (word: string) => unknown = () => null,
): Row | string | undefined {
  if (!isUtf8(bytes)) return 'not valid UTF-8';
  const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const start = line.search(/[^ \t\r\n]/);
  if (start < 0) return undefined;
  if (line[start] !== '{') return 'not a JSON object';
  // To let JSON.parse fail takes a hundred times as long as to read a short line.
  if (!/^[ \t\r\n]*\{[ \t\r\n]*["}]/.test(line) || lastVisible(line) !== '}') return 'not valid JSON';
  const value = parseJson(line) ?? parseJson(replaceWords(line, wordValue));
  if (value === undefined) return 'not valid JSON';
  return isRow(value) ? value : 'not a JSON object';
}

/** The line with JSON in place of NaN and the infinities outside of strings; undefined where it has none. */
function replaceWords(line: string, wordValue: (word: string) => unknown): string | undefined {
  if (!line.includes('NaN') && !line.includes('Infinity')) return undefined;
  const pieces: string[] = [];
  let copied = 0;
  const next = /"|NaN|-?Infinity/g;
  for (let found = next.exec(line); found !== null; found = next.exec(line)) {
    if (found[0] === '"') {
      next.lastIndex = endOfString(line, next.lastIndex);
      continue;
    }
    pieces.push(line.slice(copied, found.index), JSON.stringify(wordValue(found[0])));
    copied = next.lastIndex;
  }
  return pieces.length === 0 ? undefined : [...pieces, line.slice(copied)].join('');
}

/**
 * The place after the quote that ends a string, from a place inside it on; the line's end where none does.
 */
function endOfString(line: string, from: number): number {
  // A pattern for the whole string would run out of stack where it is long.
  const stop = /["\\]/g;
  stop.lastIndex = from;
  for (let found = stop.exec(line); found !== null; found = stop.exec(line)) {
    if (found[0] === '"') return stop.lastIndex;
    stop.lastIndex++;
  }
  return line.length;
}

/** From the end, as a pattern for it would look through every run of spaces inside again and again. */
function lastVisible(line: string): string | undefined {
  let at = line.length - 1;
  while (' \t\r\n'.includes(line[at] ?? 'none')) at--;
  return line[at];
}

/** The value; undefined where the text is no JSON, or there is none. */
function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
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
