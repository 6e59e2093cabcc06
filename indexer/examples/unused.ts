// Fields of a row that hold text but did not get into its example. A whole passage can be lost this way, so
// `betr examples` reports them.

import picomatch from 'picomatch';
import { isRow, type Row } from '../../run/fields/field-path.ts';

/** Names of fields that are usually metadata. */
const metadata = new RegExp(
  `^(${[
    '_.*|id|.*_ids?|[a-z]+Id|ids?|idx|ind|index|uid|guid|uuid|qid|pid|split.*|source.*|src|file_?name',
    '.*_(source|type)|url|urls|link|title|name|subject|category|categories|topic|topics|level|type|types',
    'difficulty|lang|language|license|licence|dataset|benchmark|domain|config|subset|task|tags?|date',
    'created.*|author|version|metadata|meta|meta_info',
  ].join('|')})$`,
  'i',
);
/** Names of fields with wrong choices. */
const wrongChoices = /^(distractors?|incorrect|wrong|false)[ _]?.*$/i;

/**
 * Fields with text that is not in the example (nor the example plus surroundings), except metadata and
 * `known`.
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

/** All texts in a value, at any depth, that contain a letter. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return /\p{L}/u.test(value) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isRow(value) ? Object.values(value).flatMap(textsIn) : [];
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
