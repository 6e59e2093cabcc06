// The commands of an audit: drawing, tables that go out and come back, the result, and the export of answers.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseCells } from '../../../data/rows/csv.ts';
import { csvLine, plainCell } from '../../../data/rows/write-csv.ts';
import { auditResultSchema } from '../../../evaluation/audit/result.ts';
import { auditSchema, type Audit } from '../../../evaluation/audit/audit.ts';
import { checkKnown, readTable } from '../../../evaluation/audit/table.ts';
import { betr } from '../../cli/betr.ts';
import { errorOf } from '../../cli/project.ts';
import { type AuditProject, hostileText, makeAuditProject } from './project.ts';

let made: AuditProject;
beforeAll(async () => {
  made = await makeAuditProject();
});
afterAll(() => made.close());
beforeEach(() => rm(made.run.files.audits, { recursive: true, force: true }));

const audit = async (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  betr(made.folder, ['audit', ...args]);
const file = (name: string): string => join(made.folder, name);

async function draw(...args: string[]): Promise<Audit> {
  const { stdout, stderr } = await audit('draw', '--scorer', 'length', '--count', '90', '--json', ...args);
  expect(stderr).toBe('');
  return auditSchema.parse(JSON.parse(stdout));
}

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

describe('betr audit draw', () => {
  it('draws from any scorer, says what, and keeps the audit before', async () => {
    const first = await draw();
    expect(first.drawn).toHaveLength(90);
    const { stdout } = await audit(
      'draw',
      '--scorer',
      'length',
      '--count',
      '20',
      '--question',
      'Is it long?',
    );
    expect(stdout).toMatch(
      /^Audit a[0-9a-f]{11} of the ranking by length: 20 documents of 90, 4 of them for two people\./,
    );
    expect(stdout).toContain('Is it long?');
    expect(stdout).toContain(`The previous audit (${first.id}, 0 answers) is still there`);
    expect(
      await audit('draw', '--scorer', 'length', '--count', '20', '--question', 'Is it long?'),
    ).toMatchObject({
      code: 0,
    });
    expect((await audit('result', '--audit', first.id)).stdout).toContain(`Audit ${first.id}`);
    expect((await audit('result')).stdout).toContain('Is it long?');
  });

  it.each([
    [['--count', '0'], 'OPTION_INVALID'],
    [['--slices', 'ten'], 'OPTION_INVALID'],
    [['--twice', '200%'], 'OPTION_INVALID'],
    [['--question', ' '], 'OPTION_INVALID'],
    [['--scorer', 'magic'], 'SCORER_UNKNOWN'],
    [['--scorer', 'random'], 'STEP_MISSING'],
    [['--colour', 'red'], 'USAGE'],
  ])('refuses %j', async (args, code) => {
    expect(errorOf((await audit('draw', '--scorer', 'length', '--json', ...args)).stdout).code).toBe(code);
  });

  it('is asked for where there is none', async () => {
    expect(errorOf((await audit('result', '--json')).stdout)).toMatchObject({
      code: 'AUDIT_MISSING',
      message: 'There is no audit yet. Draw documents for one with "betr audit draw".',
    });
    await draw();
    for (const args of [
      ['--audit', '../../etc/passwd'],
      ['--audit', 'a0000000dead'],
      ['--scorer', 'dsir'],
    ])
      expect(errorOf((await audit('result', '--json', ...args)).stdout).code).toBe('AUDIT_MISSING');
  });
});

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
    const byId = new Map(drawn.drawn.map(({ id, document }) => [id, made.texts.get(document)]));
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
    const long = [...made.texts.values()].filter(({ length }) => length > 600).length;
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

describe('betr audit decisions', () => {
  it('has who, when, what, which ranking; every answer, also replaced ones', async () => {
    const { id, drawn, generation } = await draw('--twice', '0');
    const one = drawn[0];
    const rows = (answer: string, note: string): string =>
      `id,answer,note\n${csvLine([one?.id ?? '', answer, note])}`;
    await writeFile(file('a.csv'), rows('yes', '=1+1'));
    await audit('import', file('a.csv'), '--person', '=Ada');
    await writeFile(file('a.csv'), rows('no', "'@x"));
    await audit('import', file('a.csv'), '--person', '=Ada');
    const [header = [], ...lines] = parseCells((await audit('decisions')).stdout);
    const records = lines.map((cells) =>
      Object.fromEntries(header.map((name, at) => [name, plainCell(cells[at] ?? '')])),
    );
    const both = {
      person: '=Ada',
      audit: id,
      scorer: 'length',
      generation,
      id: one?.id,
      document: one?.document,
      source: one?.source,
      score: String(one?.score),
    };
    expect(records).toMatchObject([
      { ...both, answer: 'yes', note: '=1+1', last: 'false' },
      { ...both, answer: 'no', note: "'@x", last: 'true' },
    ]);
    expect(lines.flat().filter((cell) => /^[=+\-@]/.test(cell))).toEqual([]);
    expect(Date.now() - Date.parse(records[0]?.['at'] ?? '')).toBeLessThan(60_000);
    const jsonl = (await audit('decisions', '--format', 'jsonl')).stdout.trim().split('\n');
    expect(jsonl.map((line): unknown => JSON.parse(line))).toMatchObject([
      { person: '=Ada', note: '=1+1', last: false },
      { person: '=Ada', note: "'@x", last: true },
    ]);
    expect((await audit('decisions', '--out', file('d.csv'))).stdout).toContain('2 answers in');
    expect(await readFile(file('d.csv'), 'utf8')).toBe((await audit('decisions')).stdout);
  });
});

it('says that the ranking changed since, and keeps the answers', async () => {
  const { drawn } = await draw('--twice', '0');
  await writeFile(file('a.csv'), `id,answer\n${drawn[0]?.id ?? ''},yes\n`);
  await audit('import', file('a.csv'), '--person', 'Ada');
  const extra = join(made.folder, 'corpus', 'extra.jsonl');
  try {
    await writeFile(extra, `${JSON.stringify({ id: 'new', text: 'more' })}\n`);
    expect((await betr(made.folder, ['rank', '--scorer', 'length'])).code).toBe(0);
    const { stdout } = await audit('result');
    expect(stdout).toContain('The ranking has changed since this audit was drawn');
    expect(stdout).toContain('1 of 90 documents judged');
    // The texts are those of the draw, as their files are unchanged.
    expect((await audit('export', file('later.csv'), '--person', 'Bo')).stdout).toContain('89 documents');
    await writeFile(
      join(made.folder, 'corpus', 's0.jsonl'),
      `${JSON.stringify({ id: 'x', text: 'other' })}\n`,
    );
    expect((await audit('export', file('later2.csv'), '--person', 'Bo')).stdout).toMatch(
      /Left out, because \d+ texts cannot be read: .*s0\.jsonl/,
    );
  } finally {
    await made.close();
    made = await makeAuditProject();
  }
});
