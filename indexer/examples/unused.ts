// Fields of a row that hold text and did not get into its example: a whole passage can be lost that way, so
// whoever makes the benchmark is told.

import picomatch from 'picomatch';
import { isRow, type Row } from '../../run/fields/field-path.ts';

/** Names under which benchmarks keep what is not part of a question. */
const metadata =
  /^(_.*|id|.*_ids?|[a-z]+Id|ids?|idx|ind|index|uid|guid|uuid|qid|pid|split.*|source.*|src|file_?name|.*_(source|type)|url|urls|link|title|name|subject|category|categories|topic|topics|level|type|types|difficulty|lang|language|license|licence|dataset|benchmark|domain|config|subset|task|tags?|date|created.*|author|version|metadata|meta|meta_info)$/i;
/** And choices that are wrong. */
const wrongChoices = /^(distractors?|incorrect|wrong|false)[ _]?.*$/i;

/**
 * The fields with text that is not in the example (and is not the example with something around it), less
 * metadata and `known`.
 */
export function listUnused(row: Row, text: string, known: readonly string[]): string[] {
  const example = plain(text);
  const lines = text.split('\n').map(plain);
  const isUsed = (own: string): boolean => example.includes(own) || lines.every((line) => own.includes(line));
  return Object.keys(row).filter(
    (field) => !isKnown(field, known) && !textsIn(row[field]).every((own) => isUsed(plain(own))),
  );
}

function isKnown(field: string, known: readonly string[]): boolean {
  return (
    known.some((one) => one === field || (one.includes('*') && picomatch.isMatch(field, one))) ||
    metadata.test(field) ||
    wrongChoices.test(field)
  );
}

/** The texts in a value that have a letter, wherever in it. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return /\p{L}/u.test(value) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isRow(value) ? Object.values(value).flatMap(textsIn) : [];
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
