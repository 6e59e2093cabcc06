// The commands of an audit: drawing, the result, and the export of answers.

import { describe, expect, it } from '@jest/globals';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCells } from '../../../data/rows/csv.ts';
import { csvLine, plainCell } from '../../../data/rows/write-csv.ts';
import { betr } from '../../cli/betr.ts';
import { errorOf } from '../../cli/project.ts';
import { shareAuditProject } from './share-project.ts';

const at = shareAuditProject();
const { audit, draw, file } = at;

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

  it('draws a damaged audit again, with its answers', async () => {
    const { id, drawn } = await draw();
    await writeFile(file('a.csv'), `id,answer\n${csvLine([drawn[0]?.id ?? '', 'yes'])}`);
    await audit('import', file('a.csv'), '--person', 'Ada');
    await truncate(join(at.made.run.files.audits, `${id}.json`), 100);
    expect(errorOf((await audit('result', '--json')).stdout)).toMatchObject({
      code: 'FILE_DAMAGED',
      message: expect.stringContaining('Run "betr audit draw (with the same options)"'),
    });
    expect((await draw()).drawn).toEqual(drawn);
    expect((await audit('result')).stdout).toContain('Ada: 1 yes');
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

// The last one, as it changes the project.
it('says that the ranking changed since, and keeps the answers', async () => {
  const { drawn } = await draw('--twice', '0');
  await writeFile(file('a.csv'), `id,answer\n${drawn[0]?.id ?? ''},yes\n`);
  await audit('import', file('a.csv'), '--person', 'Ada');
  const extra = join(at.made.folder, 'corpus', 'extra.jsonl');
  await writeFile(extra, `${JSON.stringify({ id: 'new', text: 'more' })}\n`);
  expect((await betr(at.made.folder, ['rank', '--scorer', 'length'])).code).toBe(0);
  const { stdout } = await audit('result');
  expect(stdout).toContain('The ranking has changed since this audit was drawn');
  expect(stdout).toContain('1 of 90 documents judged');
  // The texts are those of the draw, as their files are unchanged.
  expect((await audit('export', file('later.csv'), '--person', 'Bo')).stdout).toContain('89 documents');
  await writeFile(
    join(at.made.folder, 'corpus', 's0.jsonl'),
    `${JSON.stringify({ id: 'x', text: 'other' })}\n`,
  );
  expect((await audit('export', file('later2.csv'), '--person', 'Bo')).stdout).toMatch(
    /Left out, because \d+ texts cannot be read: .*s0\.jsonl/,
  );
});
