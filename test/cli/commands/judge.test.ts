// `betr judge` against a server that knows which texts are about space.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exam, examSchema } from '../../../scoring/exam/exam-result.ts';
import { betr } from '../betr.ts';
import { type Ended, errorOf, jsonl, sentence } from '../project.ts';
import { type JudgeProject, openJudgeProject, wasAsked } from './judge-project.ts';

jest.setTimeout(120_000);
let project: JudgeProject;
let folder: string;

beforeAll(async () => {
  project = await openJudgeProject();
  folder = project.folder;
});

afterAll(() => project.close());

const examine = (name: string, ...args: string[]): Promise<Ended> =>
  betr(folder, ['judge', name, '--exam', '--json', ...args]);

const examOf = ({ stdout }: Ended): Exam => examSchema.parse(JSON.parse(stdout));

describe('betr judge --exam', () => {
  it('tells a judge of the topic by its area, and does not take topic for quality', async () => {
    const ended = await examine('space', '--texts', '20');
    expect(ended.code).toBe(0);
    const exam = examOf(ended);
    expect(exam.verdict).toBe('passed');
    const [topic, shuffled, cluttered, wrong] = exam.parts;
    expect(topic).toMatchObject({
      tests: 'topic',
      for: { what: 'space, astronomy', texts: 20, unknown: {} },
      against: { what: 'kitchen', texts: 20, unknown: {} },
      measure: 'area under the curve',
      estimate: { value: 1, high: 1 },
    });
    // Perfect order, but of 20 texts.
    expect(topic?.estimate?.low).toBeCloseTo(0.8987, 4);
    expect(topic?.questions[0]).toMatchObject({ name: 'space', unknown: 0, spellings: 1 });
    expect(topic?.questions[0]?.mass).toBeCloseTo(0.9, 6);
    expect(shuffled).toMatchObject({
      tests: 'quality within a source',
      name: 'sentences shuffled',
      measure: 'preferred to the copy',
    });
    // The order of sentences means nothing to the model.
    expect(shuffled?.estimate?.low).toBeLessThan(0.5);
    expect(shuffled?.estimate?.high).toBeGreaterThan(0.5);
    expect(cluttered?.estimate?.low).toBeGreaterThan(0.8);
    // All rows have the same answer.
    expect(wrong).toBeUndefined();
    expect(exam.notes.join()).toContain('Wrong answers were not tested');
    expect(exam.cost?.sample).toMatchObject({ documents: 520 });
    expect(exam.cost?.corpus).toMatchObject({ documents: 600 });
    const { tokensPerDocument = 0 } = exam.speed ?? {};
    expect(exam.cost?.corpus.tokens).toBeCloseTo(600 * tokensPerDocument, 6);
    expect(exam.cost?.corpus.money).toBeCloseTo((600 * tokensPerDocument * 2) / 1e6, 12);
    expect(JSON.parse(await readFile(join(folder, 'run', 'exams', 'space.json'), 'utf8'))).toMatchObject(
      exam,
    );
  });

  it('asks nothing again, and then shows the speed of the last time', async () => {
    const [first, asked] = [examOf(await examine('space', '--texts', '20')), project.server.asked.length];
    const again = examOf(await examine('space', '--texts', '20'));
    expect(again).toEqual(first);
    expect(again.speed?.ofCorpus).toBe(true);
    // Only what a model is asked when it is opened.
    expect(wasAsked(project.server, asked)).toBe(false);
  });

  it('explains in words what each part tests', async () => {
    const { stdout } = await betr(folder, ['judge', 'space', '--exam', '--texts', '20']);
    expect(stdout).toContain('Part 1, topic');
    expect(stdout).toContain('It does not show whether the judge knows good texts from bad ones.');
    expect(stdout).toContain('Part 2, quality within a source');
    expect(stdout).toContain('Result: passed. The judge can be used');
    expect(stdout).toMatch(/Judging the whole corpus: 600 documents, about .* tokens, at a price of /);
  });

  it('names a judge that is inverted', async () => {
    const ended = await examine('upside', '--for', 'space', '--against', 'kitchen', '--texts', '20');
    expect(ended.code).toBe(1);
    expect(examOf(ended)).toMatchObject({
      verdict: 'inverted',
      parts: [{ estimate: { value: 0, low: 0 } }, {}, {}],
    });
    const { stdout } = await betr(folder, ['judge', 'upside', '--exam', '--for', 'space', '--texts', '20']);
    expect(stdout).toContain(
      'Result: inverted. The judge should not be used: it gives space lower scores than a ' +
        'random sample of the other sources',
    );
    expect(stdout).toContain('Swap the answers for and against');
  });

  it('fails a judge that knows nothing', async () => {
    const ended = await examine('dull', '--for', 'space');
    expect(ended.code).toBe(1);
    const { verdict, parts } = examOf(ended);
    // By chance, it may be a little inverted.
    expect(['too weak', 'inverted']).toContain(verdict);
    expect(Math.abs((parts[0]?.estimate?.value ?? 0) - 0.5)).toBeLessThan(0.2);
  });

  it('counts texts without a score and gives them none', async () => {
    const exam = examOf(await examine('silent', '--for', 'space', '--texts', '20'));
    expect(exam).toMatchObject({
      verdict: 'too few scores',
      parts: [
        {
          estimate: null,
          for: { texts: 20, unknown: { 'answer mass': 20 } },
          against: { texts: 20, unknown: { 'answer mass': 20 } },
          questions: [{ estimate: null, mass: 0, unknown: 1, spellings: null }],
        },
        {},
        {},
      ],
    });
  });

  it('takes benchmark examples and a random sample by default', async () => {
    const [topic] = examOf(await examine('other-prompt', '--texts', '20')).parts;
    expect(topic).toMatchObject({
      for: { what: 'benchmark examples', texts: 20 },
      against: { what: 'a random sample of the corpus', texts: 20 },
    });
  });

  it('takes a labeled file, and tells which rows it cannot use', async () => {
    const rows = [
      ...Array.from({ length: 12 }, (_, i) => ({
        text: sentence('space', i),
        label: i % 2 === 0 ? 'yes' : 1,
      })),
      ...Array.from({ length: 12 }, (_, i) => ({
        text: sentence('kitchen', i),
        label: i % 2 === 0 ? false : 'No',
      })),
      { text: 'neither', label: 'perhaps' },
      { label: 'yes' },
      'no JSON',
    ];
    await writeFile(join(folder, 'labeled.jsonl'), jsonl(rows));
    const exam = examOf(await examine('space', '--labeled', 'labeled.jsonl'));
    expect(exam.parts[0]).toMatchObject({
      for: { what: 'texts labeled "yes" in labeled.jsonl', texts: 12 },
      against: { texts: 12 },
      estimate: { value: 1 },
    });
    // Short texts do not replace what documents have shown.
    expect(exam.speed?.ofCorpus).toBe(true);
    expect(exam.notes.join()).toMatch(
      /3 rows of labeled.jsonl left out; the first is labeled.jsonl#24: "label"/,
    );
  });

  it('refuses what it cannot examine by', async () => {
    const codeOf = async (...args: string[]): Promise<string> =>
      errorOf((await examine('space', ...args)).stdout).code;
    expect(await codeOf('--for', 'nowhere')).toBe('OPTION_INVALID');
    expect(await codeOf('--source', 'nowhere', '--texts', '20')).toBe('OPTION_INVALID');
    expect(await codeOf('--labeled', 'none.jsonl')).toBe('FILE_NOT_FOUND');
    expect(await codeOf('--labeled', 'labeled.jsonl', '--for', 'space')).toBe('USAGE');
    await writeFile(join(folder, 'one-sided.jsonl'), jsonl([{ text: 'a', label: 'yes' }]));
    expect(await codeOf('--labeled', 'one-sided.jsonl')).toBe('EXAM_TEXTS_MISSING');
    const texts = ['a', 'b', 'b'].map((text, at) => ({ text, label: ['good', 'yes', 'no'][at] }));
    await writeFile(join(folder, 'contradictory.jsonl'), jsonl(texts));
    expect(errorOf((await examine('space', '--labeled', 'contradictory.jsonl')).stdout).message).toMatch(
      /there are none \(texts labeled "yes" in .*\)\. 1 row of .*"label" is neither .* 1 text of .* both yes and no\./,
    );
    expect(errorOf((await betr(folder, ['judge', 'nobody', '--exam', '--json'])).stdout).code).toBe(
      'JUDGE_UNKNOWN',
    );
    expect(errorOf((await betr(folder, ['judge', 'space', '--json'])).stdout).code).toBe('USAGE');
  });
});
