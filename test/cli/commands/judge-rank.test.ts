// `betr rank --scorer lm:JUDGE` examines the judge first.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { silent } from '../../../run/progress.ts';
import { openRun } from '../../../run/run.ts';
import { prepareScorer, rankingRun } from '../../../scoring/scorers/list.ts';
import { betr } from '../betr.ts';
import { type Ended, errorOf } from '../project.ts';
import { type JudgeProject, openJudgeProject, prompt, wasAsked } from './judge-project.ts';
import { longTest } from '../../long.ts';

jest.setTimeout(120_000);

let project: JudgeProject;
let folder: string;
beforeAll(async () => {
  project = await openJudgeProject();
  folder = project.folder;
});
afterAll(() => project.close());

describe('betr rank --scorer lm:JUDGE', () => {
  const notesOf = ({ stdout }: Ended): string =>
    z
      .object({ notes: z.array(z.string()) })
      .parse(JSON.parse(stdout))
      .notes.join('\n');
  const rank = (name: string, ...args: string[]): Promise<Ended> =>
    betr(folder, ['rank', '--scorer', `lm:${name}`, '--workers', '1', '--json', ...args]);
  /** The warnings and notes of the scorer alone, without ranking the corpus. */
  const prepare = async (name: string, settings = 'betr.yaml', force = false): Promise<string> => {
    const run = await openRun(join(folder, settings));
    const { prepared } = await prepareScorer(run, name.includes(':') ? name : `lm:${name}`, silent, force);
    return [...(prepared.warnings ?? []), ...prepared.notes].join('\n');
  };

  it('examines the judge first and notes the result', async () => {
    const ended = await rank('space');
    expect(ended).toMatchObject({ code: 0, stderr: expect.not.stringContaining('betr:') });
    expect(notesOf(ended)).toMatch(
      /Exam of the judge "space" \(topic, not quality\): it tells space, astronomy from kitchen: .* 1\.000/,
    );
    const asked = project.server.asked.length;
    expect(await prepare('space')).toContain('Exam of the judge "space"');
    expect(wasAsked(project.server, asked)).toBe(false);
  });

  it('refuses a judge that is inverted, unless told to go on', async () => {
    const refused = errorOf((await rank('upside')).stdout);
    expect(refused.code).toBe('JUDGE_EXAM_FAILED');
    expect(refused.message).toContain('failed its exam (inverted): it gives');
    expect(refused.message).toContain('--force-judge');
    expect(await prepare('upside', 'betr.yaml', true)).toContain(
      'failed its exam and is used because of --force-judge: inverted: it gives',
    );
    await expect(prepare('cross-fit:lm:upside')).rejects.toMatchObject({ code: 'JUDGE_EXAM_FAILED' });
    expect(await prepare('cross-fit:lm:upside', 'betr.yaml', true)).toContain('because of --force-judge');
    const predicted = await rank('upside', '--dry-run', '--force-judge');
    expect(predicted).toMatchObject({ code: 0 });
  });

  longTest('asks again about texts that the server refused, and only about those', async () => {
    const settings = await readFile(join(folder, 'betr.yaml'), 'utf8');
    await writeFile(
      join(folder, 'refusing.yaml'),
      settings.replace(JSON.stringify(prompt), JSON.stringify(`A refused prompt. ${prompt}`)),
    );
    const refused = (text: string): boolean => / Number 1\d\./.test(text);
    project.refuse((text) => refused(text));
    const first = await prepare('space', 'refusing.yaml');
    const [, count] = /\((?:.*, )?refused: (\d+)/.exec(first) ?? [];
    expect(Number(count)).toBeGreaterThan(5);
    project.refuse(() => false);
    const asked = project.server.asked.length;
    expect(await prepare('space', 'refusing.yaml')).toContain('All were scored.');
    const again = project.server.asked.slice(asked).map(({ body }) => String(body.prompt));
    expect(again.filter((text) => text.includes('Number')).every(refused)).toBe(true);
    expect(again.filter(refused)).toHaveLength(Number(count));
  });

  it('warns where every document is judged and nothing examines the judge', async () => {
    const settings = await readFile(join(folder, 'betr.yaml'), 'utf8');
    // Without an index.
    await writeFile(
      join(folder, 'unexamined.yaml'),
      `${settings.trimEnd().slice(0, -1)},"run":"unexamined"}`,
    );
    const args = ['rank', '--scorer', 'lm:space#all', '--config', 'unexamined.yaml'];
    const shown = await betr(folder, args);
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stdout).toMatch(/^Warning: The judge "space" was not examined: there is no sample/m);
    const { stdout } = await betr(folder, [...args, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ warnings: [expect.stringContaining('was not examined')] });
    const run = await openRun(join(folder, 'unexamined.yaml'));
    const { scorer } = rankingRun(run, 'lm:space#all').files;
    const card: unknown = JSON.parse(await readFile(scorer, 'utf8'));
    expect(card).toMatchObject({ warnings: [expect.stringContaining('was not examined')] });
  });

  it('has a dry run that judges only some of the sample, and says what all of it would take', async () => {
    const settings = await readFile(join(folder, 'betr.yaml'), 'utf8');
    await writeFile(
      join(folder, 'fresh.yaml'),
      settings.replace(JSON.stringify(prompt), JSON.stringify(`A fresh prompt. ${prompt}`)),
    );
    const asked = project.server.asked.length;
    const { code, stdout } = await betr(folder, [
      ...['rank', '--scorer', 'cross-fit:lm:space', '--dry-run', '--config', 'fresh.yaml'],
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /The judge has not scored the sample\. Measured on (?:1\d|2[0-4]) documents: .* 520 documents to score take /,
    );
    expect(project.server.asked.length - asked).toBeLessThan(40);
  });

  longTest('notes how many kept documents a changed judge would replace', async () => {
    const settings = await readFile(join(folder, 'betr.yaml'), 'utf8');
    await writeFile(
      join(folder, 'changed.yaml'),
      settings.replace(JSON.stringify(prompt), JSON.stringify(`Another prompt. ${prompt}`)),
    );
    await prepare('space');
    expect(await prepare('space', 'changed.yaml')).toMatch(
      /of the best 10% of 520 sampled documents, \d+ of 52 would be replaced \(Spearman's correlation 0\.\d+\)/,
    );
    expect(await prepare('space', 'changed.yaml')).not.toContain('would be replaced');
  });

  it('refuses one that knows nothing, and one without scores', async () => {
    for (const name of ['dull', 'silent'])
      expect(errorOf((await rank(name)).stdout)).toMatchObject({ code: 'JUDGE_EXAM_FAILED' });
  });
});
