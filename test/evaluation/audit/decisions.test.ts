// The file of answers: it only grows, and loses nothing that was confirmed.

import { expect, it } from '@jest/globals';
import { appendFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decisionsFile, findAudit } from '../../../evaluation/audit/audit.ts';
import { type AnswerWord, readDecisions } from '../../../evaluation/audit/decisions.ts';
import { saveAnswers } from '../../../evaluation/audit/save-answers.ts';
import { withRun } from '../../ranking/synthetic.ts';
import { makeAudit } from './made-audit.ts';
import { longTest } from '../../long.ts';

const audit = makeAudit([100], 20);
const given = (id: string, answer: AnswerWord, note = '') => ({ id, answer, note, scoreShown: false });

it('keeps every answer, and takes the last of each person', async () => {
  await withRun(async (run) => {
    expect(await readDecisions(run, audit)).toEqual({ all: [], last: [], unreadableLines: 0 });
    await saveAnswers(run, audit, ' Ada  L. ', [given('d-1', 'no'), given('d-2', 'yes', '=1+1\n"x"')]);
    await saveAnswers(run, audit, 'Bo', [given('d-1', 'yes')]);
    expect(await saveAnswers(run, audit, 'ada l.', [given('d-1', 'cannot tell')])).toBe(1);
    // Sent again, because its confirmation was lost.
    expect(await saveAnswers(run, audit, 'Ada L.', [given('d-1', 'cannot tell')])).toBe(0);
    const { all, last } = await readDecisions(run, audit);
    expect(all.map(({ person, id, answer }) => [person, id, answer])).toEqual([
      ['Ada L.', 'd-1', 'no'],
      ['Ada L.', 'd-2', 'yes'],
      ['Bo', 'd-1', 'yes'],
      ['ada l.', 'd-1', 'cannot tell'],
    ]);
    expect(last.map(({ id, answer }) => [id, answer])).toEqual([
      ['d-2', 'yes'],
      ['d-1', 'yes'],
      ['d-1', 'cannot tell'],
    ]);
    expect(all[1]).toMatchObject({ note: '=1+1\n"x"', generation: 'g', scoreShown: false });
  });
});

it('ignores what a cut-off write left, wherever it was cut, and goes on after it', async () => {
  await withRun(async (run) => {
    const path = decisionsFile(run, audit);
    await saveAnswers(run, audit, 'Ada', [given('d-1', 'yes')]);
    const { length } = await readFile(path);
    await saveAnswers(run, audit, 'Ada', [given('d-2', 'no'), given('d-3', 'no')]);
    const whole = await readFile(path);
    for (let cut = length; cut < whole.length - 1; cut += 13) {
      await truncate(path, cut);
      expect((await readDecisions(run, audit)).all.map(({ id }) => id)).toEqual(['d-1']);
      expect((await readDecisions(run, audit)).unreadableLines).toBe(0);
      await saveAnswers(run, audit, 'Bo', [given('d-4', 'yes')]);
      const after = await readDecisions(run, audit);
      expect(after.all.map(({ id }) => id)).toEqual(['d-1', 'd-4']);
      expect(after.unreadableLines).toBe(cut === length ? 0 : 1);
      await truncate(path, length);
      await appendFile(path, whole.subarray(length));
    }
  });
});

it('takes answers from many at once', async () => {
  await withRun(async (run) => {
    await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        saveAnswers(run, audit, `person ${at % 8}`, [
          given(`d-${Math.floor(at / 8)}`, 'yes', 'x'.repeat(900)),
        ]),
      ),
    );
    const { last, unreadableLines } = await readDecisions(run, audit);
    expect(unreadableLines).toBe(0);
    expect(new Set(last.map(({ person, id }) => `${person} ${id}`)).size).toBe(40);
  });
});

it('refuses what is not in the draw, names that are none, and a folder in its place', async () => {
  await withRun(async (run) => {
    await expect(
      saveAnswers(run, audit, 'Ada', [given('d-1', 'yes'), given('d-99', 'yes')]),
    ).rejects.toMatchObject({
      code: 'AUDIT_DOCUMENT_UNKNOWN',
    });
    for (const name of ['', '  ', 'x'.repeat(81), 'a\u001bb', 'a\u202eb'])
      await expect(saveAnswers(run, audit, name, [given('d-1', 'yes')])).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
    expect((await readDecisions(run, audit)).all).toEqual([]);
    await mkdir(decisionsFile(run, audit), { recursive: true });
    await expect(saveAnswers(run, audit, 'Ada', [given('d-1', 'yes')])).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});

it('says what is in the place of its folder', async () => {
  await withRun(async (run) => {
    await mkdir(dirname(run.files.audits), { recursive: true });
    await writeFile(run.files.audits, '');
    for (const asked of [{}, { audit: audit.id }])
      await expect(findAudit(run, asked)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(saveAnswers(run, audit, 'Ada', [given('d-1', 'yes')])).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});

longTest('reads many answers between other work, and afterwards only what was added', async () => {
  await withRun(async (run) => {
    const path = decisionsFile(run, audit);
    const lineOf = (person: string): string =>
      `${JSON.stringify(
        audit.drawn.map(({ id }) => ({
          at: '2026-01-01T00:00:00.000Z',
          person,
          ...given(id, 'yes', 'x'.repeat(500)),
          generation: 'g',
        })),
      )}\n`;
    await mkdir(dirname(path), { recursive: true });
    const lines = Array.from({ length: 1_000 }, (_, at) => lineOf(`person ${at}`));
    await writeFile(path, lines.join(''));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const readMs = async (): Promise<{ ms: number; answers: number }> => {
      const startedMs = performance.now();
      const { all } = await readDecisions(run, audit);
      return { ms: performance.now() - startedMs, answers: all.length };
    };
    const first = await readMs();
    clearInterval(timer);
    expect(first.answers).toBe(20_000);
    expect(turns).toBeGreaterThan(5);
    // At once, and while others add lines.
    const [again, saved] = await Promise.all([readMs(), saveAnswers(run, audit, 'Bo', [given('d-1', 'no')])]);
    expect(saved).toBe(1);
    expect(again.ms).toBeLessThan(first.ms / 2);
    await appendFile(path, lineOf('Cy').slice(0, -1));
    expect((await readMs()).answers).toBe(20_021);
    expect((await readMs()).answers).toBe(20_021);
    // Another file in its place, larger than the one before.
    await writeFile(path, [...lines.slice(0, 3), lineOf('y'.repeat(80)), ...lines].join(''));
    expect((await readMs()).answers).toBe(20_080);
    await writeFile(path, lines[0] ?? '');
    expect((await readMs()).answers).toBe(20);
  });
});
