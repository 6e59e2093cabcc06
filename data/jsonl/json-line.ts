// The slow reference parser of one line of JSON. It defines what the scanner (json-scan.as.ts) must return,
// and parses the lines that the scanner cannot.

import { isUtf8 } from 'node:buffer';
import { maxDocumentTokens } from '../../run/bounds.ts';
import { isRow, type Row, valueOf, idIn } from '../../run/fields/field-path.ts';
import type { FieldNames } from '../../run/settings.ts';

export type LineResult =
  | { kind: 'document'; id: string | undefined; source: string; tokens: number; text: string }
  | { kind: 'blank' }
  | { kind: 'bad'; reason: string };

/**
 * Parses one line. The last of duplicate fields counts, as in JSON.parse. tokens is NaN and id is undefined
 * if they are missing.
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
  // The same characters as in the scanner: control characters and the space.
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

/** An object with this key, which no corpus has, stands for NaN or infinity. */
const wordKey = '\0word';

/** The text of a document's line, even if other fields are invalid; undefined if it has none. */
export function readText(bytes: Uint8Array, field: string): string | undefined {
  const row = parseRow(bytes);
  const text = typeof row === 'object' ? valueOf(row, field) : undefined;
  return typeof text === 'string' ? text : undefined;
}

/**
 * A number as a name: whole numbers keep all digits, so that no two become equal; others are formatted by
 * JavaScript.
 */
export function numberName(json: string): string {
  return /^-?\d+$/.test(json) && json !== '-0' ? json : String(Number(json));
}

/** Replaces lone surrogates with U+FFFD, as writing UTF-8 does. */
export function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}

/** Whether JSON.parse may have changed the digits of a number (the scanner keeps them). */
function isInexact(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

/** Whether a number is a valid token count, or NaN for none. */
export function isCount(tokens: number): boolean {
  return Number.isNaN(tokens) || (Number.isInteger(tokens) && tokens >= 0 && tokens <= maxDocumentTokens);
}

/** What is wrong with an invalid token count. */
export function countProblem(tokens: unknown): string {
  return typeof tokens === 'number' && Number.isInteger(tokens) && tokens > maxDocumentTokens
    ? `is ${tokens}, but a document can have at most ${maxDocumentTokens} tokens`
    : 'is not a whole number of tokens';
}

/**
 * The line's object; undefined for a blank line, or the reason why it is invalid. NaN, Infinity, and
 * -Infinity, which Python writes, are not JSON; they become what `wordValue` returns, or null.
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
  // A failing JSON.parse takes a hundred times as long as parsing a short line.
  if (!/^[ \t\r\n]*\{[ \t\r\n]*["}]/.test(line) || lastVisible(line) !== '}') return 'not valid JSON';
  const value = parseJson(line) ?? parseJson(replaceWords(line, wordValue));
  if (value === undefined) return 'not valid JSON';
  return isRow(value) ? value : 'not a JSON object';
}

/** Replaces NaN and infinities outside strings; undefined if there are none. */
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

/** The position after the closing quote of the string around `from`; the line's end if it is not closed. */
function endOfString(line: string, from: number): number {
  // A pattern for the whole string would overflow the stack on long strings.
  const stop = /["\\]/g;
  stop.lastIndex = from;
  for (let found = stop.exec(line); found !== null; found = stop.exec(line)) {
    if (found[0] === '"') return stop.lastIndex;
    stop.lastIndex++;
  }
  return line.length;
}

/** Searches from the end, because a pattern would rescan every run of spaces. */
function lastVisible(line: string): string | undefined {
  let at = line.length - 1;
  while (' \t\r\n'.includes(line[at] ?? 'none')) at--;
  return line[at];
}

/** The value; undefined if the text is undefined or not valid JSON. */
function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const before = Error.stackTraceLimit;
  // A file may have millions of such lines, and most of the cost of an error is its stack.
  Error.stackTraceLimit = 0;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = before;
  }
}
