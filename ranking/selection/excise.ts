// Cuts passages out of documents instead of dropping the documents: removes a passage with 200 characters on
// each side, and makes each remaining piece a document. Drops pieces of fewer than 200 characters, and
// documents that fall into more than 10 pieces (after Brown et al. 2020, arXiv 2005.14165, appendix C).

import { idIn, valueOf, withValue } from '../../run/fields/field-path.ts';
import { parseRow } from '../../data/jsonl/json-line.ts';
import type { FieldNames } from '../../run/settings.ts';

const besideCharacters = 200;
const fewestCharacters = 200;
const mostPieces = 10;

/** A passage of a text, in UTF-8 byte offsets. */
export interface Passage {
  startByte: number;
  endByte: number;
}

/** The remaining pieces of a text, in order; none if the document must be dropped. */
export function cutPassages(text: string, passages: readonly Passage[]): string[] {
  const bytes = Buffer.from(text);
  const unitAt = (byte: number): number => bytes.toString('utf8', 0, byte).length;
  const removed = passages
    .map(({ startByte, endByte }) => ({
      start: unitAt(startByte) - besideCharacters,
      end: unitAt(endByte) + besideCharacters,
    }))
    .sort((a, b) => a.start - b.start);
  const pieces: string[] = [];
  let from = 0;
  for (const { start, end } of [...removed, { start: text.length, end: text.length }]) {
    // A piece that begins or ends within a surrogate pair drops the half.
    if (start > from) pieces.push(text.slice(from, start).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, ''));
    from = Math.max(from, end);
  }
  const long = pieces.filter((piece) => piece.length >= fewestCharacters && piece.trim() !== '');
  return long.length > mostPieces ? [] : long;
}

/**
 * The pieces of a JSON line's document as lines, with the ids "ID#1", "ID#2", … and without the token count,
 * which no longer holds.
 */
export function cutLine(line: Uint8Array, fields: FieldNames, passages: readonly Passage[]): Buffer[] {
  const row = parseRow(line);
  if (typeof row !== 'object') return [];
  const text = valueOf(row, fields.text);
  const id = idIn(valueOf(row, fields.id));
  if (typeof text !== 'string') return [];
  return cutPassages(text, passages).map((piece, i) => {
    const named = id === undefined ? row : withValue(row, fields.id, `${id}#${i + 1}`);
    return Buffer.from(
      JSON.stringify(withValue(withValue(named, fields.text, piece), fields.tokens, undefined)),
    );
  });
}
