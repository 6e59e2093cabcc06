// An audit as a table that a person fills in with a spreadsheet: CSV out, and the answers back in.

import { isUtf8 } from 'node:buffer';
import { existsSync } from 'node:fs';
import { commitBytes } from '../../data/files/commit.ts';
import { parseCells } from '../../data/rows/csv.ts';
import { csvLine, plainCell } from '../../data/rows/write-csv.ts';
import { BetrError, fail, readError, reasonOf } from '../../run/errors/errors.ts';
import { showKeys, show } from '../../run/issues.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { TextThread } from '../../ranking/why/text-thread.ts';
import type { Audit, Drawn } from './audit.ts';
import { type Answered, type AnswerWord, noteLength } from './decisions.ts';
import { readAuditTexts } from './texts.ts';

/** Spreadsheets take at most 32,767 characters in a cell. */
const cellCharacters = 20_000;
const textsAtOnce = 100;
/** Spreadsheets take a file for UTF-8 if it starts with this. */
const byteOrderMark = '\ufeff';

/**
 * Writes documents with their texts and empty cells for answers. Documents whose text cannot be read are left
 * out and counted, with the first reason. Errors: AUDIT_TABLE_EXISTS; the reason if no text can be read;
 * DISK_FULL, WRITE_FAILED.
 */
export async function writeTable(
  texts: TextThread,
  audit: Audit,
  documents: readonly Drawn[],
  path: string,
): Promise<{ written: number; unreadable: number; reason: string | undefined }> {
  if (existsSync(path)) throw fail('AUDIT_TABLE_EXISTS', { path });
  const lines = [csvLine(['audit', 'id', 'text', `answer: ${audit.question} (yes, no or ?)`, 'note'])];
  let problem: BetrError | undefined;
  for (let from = 0; from < documents.length; from += textsAtOnce) {
    const some = documents.slice(from, from + textsAtOnce);
    for (const [at, text] of (await readAuditTexts(texts, audit, some, cellCharacters)).entries()) {
      if (text instanceof BetrError) problem ??= text;
      else
        lines.push(
          csvLine([audit.id, some[at]?.id ?? '', `${text.text}${text.truncated ? ' […]' : ''}`, '', '']),
        );
    }
  }
  const written = lines.length - 1;
  if (problem !== undefined && written === 0) throw problem;
  await commitBytes(path, byteOrderMark + lines.join(''));
  return { written, unreadable: documents.length - written, reason: problem?.message };
}

const words: Record<string, AnswerWord> = {
  yes: 'yes',
  y: 'yes',
  no: 'no',
  n: 'no',
  '?': 'cannot tell',
  'cannot tell': 'cannot tell',
};
const mostProblems = 10;

export interface FilledTable {
  /** The audit that the table names; undefined if it has no such column. */
  audit: string | undefined;
  answers: (Answered & { row: number })[];
}

/**
 * Reads the answers of a table; rows without one are left out. Rows are numbered as spreadsheets do, the
 * header being row 1. Errors: AUDIT_TABLE_INVALID with the rows that are wrong; FILE_NOT_FOUND,
 * FILE_UNREADABLE.
 */
export async function readTable(path: string): Promise<FilledTable> {
  const bytes = await readRegular(path).catch((error: unknown) => {
    throw readError(error, path, 'The table', { relativeTo: 'the current folder' });
  });
  const refuse = (problems: readonly string[]): never => {
    throw fail('AUDIT_TABLE_INVALID', { path, problems: listFirst(problems) });
  };
  if (!isUtf8(bytes))
    return refuse(['it is not UTF-8, so texts and notes may be garbled; save it as "CSV UTF-8"']);
  const rows = parse(bytes.toString(), refuse);
  const header = rows[0] ?? [];
  const { audit, id, answer, note } = findColumns(header);
  const problems: string[] = [];
  const answers: FilledTable['answers'] = [];
  const rowOf = new Map<string, number>();
  let named: string | undefined;
  for (const [at, cells] of rows.entries()) {
    const row = at + 1;
    const cell = (place: number): string => plainCell((cells[place] ?? '').trim());
    if (at === 0 || cells.every((one) => one.trim() === '')) continue;
    named ??= audit < 0 ? undefined : cell(audit);
    const found: Answered = {
      id: cell(id),
      answer: words[cell(answer).toLowerCase()] ?? 'cannot tell',
      note: note < 0 ? '' : cell(note),
      scoreShown: false,
    };
    const problem = checkRow(cells, header, cell(answer), found, rowOf.get(found.id), {
      own: audit < 0 ? undefined : cell(audit),
      named,
    });
    rowOf.set(found.id, row);
    if (problem !== undefined) problems.push(`row ${row} ${problem}`);
    else if (cell(answer) !== '') answers.push({ ...found, row });
  }
  return problems.length > 0 ? refuse(problems) : { audit: named, answers };
}

/** What is wrong with a row; undefined if nothing is. */
function checkRow(
  cells: readonly string[],
  header: readonly string[],
  word: string,
  { id, note }: Answered,
  earlier: number | undefined,
  { own, named }: { own: string | undefined; named: string | undefined },
): string | undefined {
  if (cells.length > header.length)
    return `has ${cells.length} cells, but the first row names ${header.length} columns`;
  if (own !== named) return `is of audit ${show(own)}, but the rows above are of audit ${show(named)}`;
  if (id === '') return 'has no id';
  if (earlier !== undefined) return `has the same document as row ${earlier} (${show(id)})`;
  if (word !== '' && !Object.hasOwn(words, word.toLowerCase()))
    return `has the answer ${show(word)}; it must be yes, no, ? or empty`;
  return note.length > noteLength
    ? `has a note of ${note.length} characters; at most ${noteLength} are kept`
    : undefined;
}

/** Refuses rows of documents that the audit did not draw. Errors: AUDIT_TABLE_INVALID. */
export function checkKnown({ id, drawn }: Audit, { answers }: FilledTable, path: string): void {
  const known = new Set(drawn.map((document) => document.id));
  const problems = answers
    .filter((answer) => !known.has(answer.id))
    .map((answer) => `row ${answer.row} has the document ${show(answer.id)}, which audit ${id} did not draw`);
  if (problems.length > 0) throw fail('AUDIT_TABLE_INVALID', { path, problems: listFirst(problems) });
}

function listFirst(problems: readonly string[]): string[] {
  return problems.length <= mostProblems
    ? [...problems]
    : [...problems.slice(0, mostProblems), `and ${problems.length - mostProblems} more rows`];
}

/** Where the columns of a table are; -1 for none. */
function findColumns(header: readonly string[]): Record<'audit' | 'id' | 'answer' | 'note', number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const column = (name: string): number =>
    names.findIndex((cell) => cell === name || cell.startsWith(`${name}:`));
  return { audit: column('audit'), id: column('id'), answer: column('answer'), note: column('note') };
}

/** The cells of a table. Spreadsheets in many languages separate them by semicolons. */
function parse(text: string, refuse: (problems: readonly string[]) => never): string[][] {
  let problem = '';
  for (const delimiter of [',', ';', '\t'] as const) {
    try {
      const rows = parseCells(text, delimiter, { emptyLines: true });
      const { id, answer } = findColumns(rows[0] ?? []);
      if (id >= 0 && answer >= 0) return rows;
      problem ||=
        'its first row must name the columns "id" and "answer", but it has ' +
        (showKeys(rows[0] ?? []) || 'none');
    } catch (error) {
      problem ||= `it is not CSV (${reasonOf(error)})`;
    }
  }
  return refuse([problem]);
}
