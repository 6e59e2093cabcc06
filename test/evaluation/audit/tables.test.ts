// Tables of an audit that go out to a spreadsheet and come back.

import { describe, expect, it } from '@jest/globals';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseCells } from '../../../data/rows/csv.ts';
import { plainCell } from '../../../data/rows/write-csv.ts';
import { auditResultSchema } from '../../../evaluation/audit/result.ts';
import { type Audit } from '../../../evaluation/audit/audit.ts';
import { checkKnown, readTable } from '../../../evaluation/audit/table.ts';
import { errorOf } from '../../cli/project.ts';
import { hostileText } from './project.ts';
import { shareAuditProject } from './share-project.ts';

const at = shareAuditProject();
const { audit, draw, file } = at;

/** The same draw gives the same table, and reading its texts takes a while. */
let exported: Promise<{ drawn: Audit; table: Buffer }> | undefined;

async function exportOnce(): Promise<{ drawn: Audit; table: Buffer }> {
  const drawn = await draw('--twice', '0');
  expect(await audit('export', file('out.csv'), '--person', 'Ada')).toMatchObject({ code: 0 });
  return { drawn, table: await readFile(file('out.csv')) };
}

/** Fills in the table of a draw with 90 documents for one person each; `answer` gets the text. */
async function fillIn(
  answer: (text: string, at: number) => string,
  change: (rows: string[][]) => string[][] = (rows) => rows,
): Promise<{ drawn: Audit; path: string }> {
  exported ??= exportOnce();
  const { drawn, table } = await exported;
  const [header = [], ...rows] = parseCells(table);
  const filled = rows.map(([id = '', key = '', text = '', , note = ''], at) => [
    id,
    key,
    text,
    answer(plainCell(text), at),
    note,
  ]);
  // As a spreadsheet saves it: what was escaped stays as it was read.
  const quoted = (cells: readonly string[]): string =>
    `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`;
  await writeFile(
    file('in.csv'),
    change([header, ...filled])
      .map(quoted)
      .join(''),
  );
  return { drawn, path: file('in.csv') };
}
describe('a table', () => {
  it('goes out and comes back', async () => {
    await draw('--twice', '0');
    const { drawn, path } = await fillIn((text) =>
      text.length > 600 ? 'Yes' : text.length > 100 ? 'n' : '?',
    );
    const rows = parseCells(await readFile(file('out.csv')));
    expect(rows[0]).toEqual([
      'audit',
      'id',
      'text',
      'answer: Is this text good training data for what the benchmarks measure? (yes, no or ?)',
      'note',
    ]);
    // Every text is intact, and none begins a formula.
    const byId = new Map(drawn.drawn.map(({ id, document }) => [id, at.made.texts.get(document)]));
    for (const [, id = '', text = ''] of rows.slice(1)) expect(plainCell(text)).toBe(byId.get(id));
    expect(rows.filter(([, , text = '']) => plainCell(text) === hostileText)).toHaveLength(18);
    expect(rows.flat().filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
    expect((await readFile(file('out.csv'), 'utf8')).startsWith('\ufeffaudit,id')).toBe(true);

    expect((await audit('import', path, '--person', 'Ada')).stdout).toContain('90 new answers by Ada saved');
    expect((await audit('import', path, '--person', 'Ada')).stdout).toContain(
      '0 new answers by Ada saved in audit ' + drawn.id + ', 90 were known already; 0 documents left.',
    );
    const result = auditResultSchema
      .extend({ superseded: z.boolean(), above: z.object({ documents: z.number() }).nullable() })
      .parse(JSON.parse((await audit('result', '--precision', '90%', '--json')).stdout));
    const long = [...at.made.texts.values()].filter(({ length }) => length > 600).length;
    expect(result).toMatchObject({
      judged: result.yes + (90 - long - result.cannotTell),
      yes: long,
      superseded: false,
    });
    expect(result.precision?.value).toBeCloseTo(result.yes / result.judged, 1);
    expect(result.above?.documents).toBeGreaterThan(9);
    expect((await audit('result', '--precision', '90%')).stdout).toMatch(
      /Cutoff for a precision of 90%: score \d+, chosen on one half .*It keeps \d+ documents \([\d.]+%\), .*\nMeasured on the other/,
    );
    expect(errorOf((await audit('export', file('more.csv'), '--person', 'ada', '--json')).stdout).code).toBe(
      'AUDIT_DONE',
    );
  });

  it('is exported by parts, and never written over', async () => {
    await draw('--twice', '0');
    expect((await audit('export', file('part.csv'), '--person', 'Ada', '--count', '7')).stdout).toContain(
      '7 documents',
    );
    expect(parseCells(await readFile(file('part.csv')))).toHaveLength(8);
    expect(errorOf((await audit('export', file('part.csv'), '--person', 'Ada', '--json')).stdout).code).toBe(
      'AUDIT_TABLE_EXISTS',
    );
    await rm(file('part.csv'));
  });

  it.each<[string, (rows: string[][]) => string[][], RegExp]>([
    [
      'other words',
      (rows) => rows.map((row, at) => (at === 5 ? row.with(3, 'maybe') : row)),
      /row 6 has the answer "maybe"; it must be yes, no, \? or empty/,
    ],
    [
      'unknown documents',
      (rows) => rows.map((row, at) => (at === 2 ? row.with(1, 'nobody-1') : row)),
      /row 3 has the document "nobody-1", which audit a\w+ did not draw/,
    ],
    ['doubled rows', (rows) => [...rows, rows[1] ?? []], /row 92 has the same document as row 2 \("/],
    [
      'rows of another audit',
      (rows) => rows.map((row, at) => (at === 9 ? row.with(0, 'a00000000000') : row)),
      /row 10 is of audit "a00000000000", but the rows above are of audit "a/,
    ],
    [
      'too many cells',
      (rows) => rows.map((row, at) => (at === 1 ? [...row, 'x'] : row)),
      /row 2 has 6 cells/,
    ],
    [
      'long notes',
      (rows) => rows.map((row, at) => (at === 3 ? row.with(4, 'x'.repeat(1001)) : row)),
      /row 4 has a note of 1001 characters/,
    ],
    ['other columns', (rows) => rows.map((row) => row.slice(2)), /must name the columns "id" and "answer"/],
    [
      'many bad rows, after an empty one',
      (rows) => [rows[0] ?? [], ['', '', '', '', ''], ...rows.slice(1).map((row) => row.with(3, 'x'))],
      /row 3 has the answer "x".*; and 80 more rows\./,
    ],
  ])('with %s is refused by row', async (_what, change, message) => {
    const { drawn, path } = await fillIn(() => 'yes', change);
    const read = async (): Promise<void> => checkKnown(drawn, await readTable(path), path);
    await expect(read()).rejects.toMatchObject({
      code: 'AUDIT_TABLE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['a bad row', 3, 'maybe'],
    ['an unknown document', 1, 'nobody-1'],
  ])('with %s imports nothing', async (_what, column, cell) => {
    await draw('--twice', '0');
    const { path } = await fillIn(
      () => 'yes',
      (rows) => rows.map((row, at) => (at === 5 ? row.with(column, cell) : row)),
    );
    const { stdout } = await audit('import', path, '--person', 'Ada', '--json');
    expect(errorOf(stdout).code).toBe('AUDIT_TABLE_INVALID');
    expect((await audit('decisions')).stdout.trim().split('\r\n')).toHaveLength(1);
  });

  it('may have a question with any punctuation', async () => {
    await draw('--twice', '0', '--question', 'Is it; one, two;\t"three"; or; four; five; six; \nor none?');
    await audit('export', file('marks.csv'), '--person', 'Ada', '--count', '2');
    const text = (await readFile(file('marks.csv'), 'utf8')).replace(/,,\r\n$/, ',yes,\r\n');
    await writeFile(file('marks.csv'), text);
    expect((await audit('import', file('marks.csv'), '--person', 'Ada')).stdout).toContain(
      '1 new answer by Ada',
    );
  });

  it('may come back with semicolons, and must be UTF-8', async () => {
    const { drawn } = await draw('--twice', '0');
    const ids = drawn.slice(0, 3).map(({ id }) => id);
    await writeFile(file('semi.csv'), `id;answer;note\n${ids.map((id) => `${id};yes;gut`).join('\n')}\n`);
    expect((await audit('import', file('semi.csv'), '--person', 'Ada')).stdout).toContain('3 new answers');
    await writeFile(file('latin.csv'), Buffer.from(`id,answer,note\n${ids[0] ?? ''},yes,für\n`, 'latin1'));
    expect(
      errorOf((await audit('import', file('latin.csv'), '--person', 'Bo', '--json')).stdout).message,
    ).toMatch(/it is not UTF-8/);
    expect(errorOf((await audit('import', file('none.csv'), '--person', 'Bo', '--json')).stdout).code).toBe(
      'FILE_NOT_FOUND',
    );
  });
});
