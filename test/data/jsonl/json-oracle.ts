// A slow, obvious reader of JSON Lines, as the oracle of property tests.

import type { FieldNames } from '../../../run/settings.ts';
import type { Document, Quarantined } from '../collect.ts';

/** The obvious reader: the whole file in memory, JSON.parse for each line. */
export function readObviously(
  file: Buffer,
  fields: FieldNames,
  maxLineBytes: number,
): { documents: Document[]; quarantined: Quarantined[] } {
  const documents: Document[] = [];
  const quarantined: Quarantined[] = [];
  const all = file.subarray(file.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? 3 : 0).toString('latin1');
  const lines = all.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const [row, latin] of lines.entries()) {
    const bad = latin.length > maxLineBytes ? `line longer than ${maxLineBytes} bytes` : undefined;
    const result = bad ?? readOne(Buffer.from(latin, 'latin1'), fields);
    if (typeof result === 'string') quarantined.push({ position: row, reason: result });
    else if (result !== undefined)
      documents.push({ row, ...result, document: result.document === '' ? `shard#${row}` : result.document });
  }
  return { documents, quarantined };
}

function readOne(bytes: Buffer, fields: FieldNames): Omit<Document, 'row'> | string | undefined {
  let json: string;
  try {
    json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return 'not valid UTF-8';
  }
  if (json.replaceAll(/[ \t\r]/g, '') === '') return undefined;
  if (!/^[ \t\r]*\{/.test(json)) return 'not a JSON object';
  const value =
    parse(json) ??
    parse(
      json
        .split(/("(?:[^"\\]|\\.)*")/)
        .map((piece, i) =>
          i % 2 === 1 ? piece : piece.replaceAll(/NaN|-?Infinity/g, (word) => `["no JSON", "${word}"]`),
        )
        .join(''),
    );
  if (value === undefined) return 'not valid JSON';
  if (!isObject(value)) return 'not a JSON object';
  for (const name of [fields.text, fields.id, fields.source, fields.tokens]) {
    const found = find(value, name);
    if (Array.isArray(found) && found[0] === 'no JSON')
      return `field "${name}" is ${String(found[1])}, which is not valid JSON`;
  }
  const [id, text, source, tokens] = [fields.id, fields.text, fields.source, fields.tokens].map((name) =>
    find(value, name),
  );
  if (text === undefined) return `field "${fields.text}" is missing`;
  if (typeof text !== 'string') return `field "${fields.text}" is not a string`;
  if (Array.from(text).every((character) => character <= ' ')) return `field "${fields.text}" is empty`;
  if (!isName(id)) return `field "${fields.id}" is neither a string nor a number`;
  if (!isName(source)) return `field "${fields.source}" is neither a string nor a number`;
  if (
    tokens !== undefined &&
    tokens !== null &&
    !(typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 0)
  )
    return `field "${fields.tokens}" is not a whole number of tokens`;
  if (typeof tokens === 'number' && tokens > 1e9)
    return `field "${fields.tokens}" is ${tokens}, but a document can have at most 1000000000 tokens`;
  return {
    document: String(id ?? '').toWellFormed(),
    source: String(source ?? '').toWellFormed(),
    tokens: typeof tokens === 'number' ? tokens + 0 : null,
    text: text.toWellFormed(),
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/**
 * The key of that name; else, of the ways to read its dots as objects inside each other, the one with the
 * longest first key, and so on inside.
 */
function find(row: Readonly<Record<string, unknown>>, name: string): unknown {
  const parts = name.split('.');
  const ways = Array.from({ length: 2 ** (parts.length - 1) }, (_, cuts) =>
    parts
      .slice(1)
      .reduce<string[][]>(
        (keys, part, i) =>
          (cuts >> (parts.length - 2 - i)) & 1
            ? [...keys, [part]]
            : [...keys.slice(0, -1), [...(keys.at(-1) ?? []), part]],
        [[parts[0] ?? '']],
      )
      .map((key) => key.join('.')),
  );
  for (const keys of ways) {
    const found = keys.reduce<unknown>(
      (object, key) => (isObject(object) ? own(object, key) : undefined),
      row,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isName(value: unknown): value is string | number | null | undefined {
  return value === undefined || value === null || typeof value === 'string' || typeof value === 'number';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
