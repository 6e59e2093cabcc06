// Exams without an index: by a labeled file, with the dummy model and with a real one.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { examineJudge } from '../../../scoring/exam/exam.ts';
import type { Exam } from '../../../scoring/exam/exam-result.ts';
import { examineForRanking, type RankExam } from '../../../scoring/exam/rank-exam.ts';
import { openJudgeRun, plainQuestion } from '../../indexer/judges/judge-run.ts';
import { longTest } from '../../long.ts';
import { findShared } from '../../shared/find.ts';

jest.setTimeout(120_000);

const mathematics = [
  'Let n be an even integer. Then n = 2k for some integer k, so the square of n is 4 times the square of k.',
  'A group is a set with an associative operation, a neutral element, and an inverse for every element.',
  'The derivative of sin x is cos x, and by the chain rule the derivative of sin(2x) is 2 cos(2x).',
  'Theorem. Every continuous function on a closed interval attains its maximum. Proof. Suppose it does not.',
  'Solve the quadratic equation by completing the square: x² + 6x + 5 = 0 gives x = -1 or x = -5.',
  'The determinant of a triangular matrix is the product of the entries on its diagonal.',
];
const others = [
  'Melt the butter in a pan, add the onions, and stir until they are soft and golden. Then pour in the stock.',
  'The emperor withdrew his army from the city in the autumn, and the treaty was signed the following spring.',
  'The defendant shall pay the costs of the appeal unless the court orders otherwise under section 12.',
  'Her grandmother sat by the window, knitting, and did not look up when the carriage came through the gate.',
  'Patients with a fever should rest and drink plenty of water; call a doctor if it lasts more than three days.',
  'To install the package, download the archive, unpack it, and run the script as an administrator.',
];

const model = findShared('models', 'HuggingFaceTB', 'SmolLM2-135M-Instruct');
const subject = (name: string, inFavor: string[], against: string[]): object => ({
  name,
  model: 'small',
  questions: [
    {
      name: 'subject',
      prompt: '{text}\n\nThis text belongs to a textbook on',
      for: inFavor,
      against,
      leastMass: 0.0003,
    },
  ],
});
const words = ['mathematics', 'algebra', 'geometry'];
const otherWords = ['history', 'cooking', 'law', 'medicine', 'literature', 'computer'];

let folder: string;
let run: Run;
beforeAll(async () => {
  const judges = [
    { name: 'dummy', model: 'try', questions: [plainQuestion] },
    { name: 'labeled', model: 'try', questions: [plainQuestion], exam: { labeled: 'labeled.jsonl' } },
    ...(model === undefined
      ? []
      : [
          subject('maths', words, otherWords),
          { ...subject('upside', otherWords, words), exam: { labeled: 'labeled.jsonl' } },
        ]),
  ];
  ({ folder, run } = await openJudgeRun(judges, [
    { name: 'try', model: 'dummy' },
    ...(model === undefined ? [] : [{ name: 'small', model, threads: 2 }]),
  ]));
  const rows = [
    ...mathematics.map((text) => ({ text, label: 'yes' })),
    ...others.map((text) => ({ text, label: 'no' })),
  ];
  await writeFile(join(folder, 'labeled.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});
afterAll(() => rm(folder, { recursive: true }));

async function examine(name: string): Promise<Exam | undefined> {
  const judge = await openJudge(run, name, silent);
  try {
    return await examineJudge(run, judge, { labeled: 'labeled.jsonl', texts: 50, quality: true }, silent);
  } finally {
    await judge.close();
  }
}

async function examineFor(name: string, force = false): Promise<RankExam> {
  const judge = await openJudge(run, name, silent);
  try {
    return await examineForRanking(run, judge, force, silent);
  } finally {
    await judge.close();
  }
}

describe('an exam', () => {
  it('says what it could not test, and what it cannot predict', async () => {
    const exam = await examine('dummy');
    expect(exam?.parts).toHaveLength(1);
    expect(exam?.notes.join('\n')).toMatch(
      /Quality within a source was not tested[^]*Wrong answers were not tested/,
    );
    expect(exam?.cost).toBeNull();
    expect(exam?.speed?.documents).toBe(12);
  });

  it('before a ranking, is not held without texts to examine by, and says so', async () => {
    expect(await examineFor('dummy')).toEqual({
      notes: [],
      warnings: [expect.stringContaining('was not examined')],
    });
    await expect(examineFor('labeled')).rejects.toMatchObject({ code: 'JUDGE_EXAM_FAILED' });
    expect(await examineFor('labeled', true)).toEqual({
      notes: [],
      warnings: [expect.stringContaining('failed its exam and is used because of --force-judge')],
    });
  });
});

(model === undefined ? describe.skip : describe)('an exam of a real model', () => {
  longTest('passes a topic score, and finds the same answers inverted', async () => {
    const exam = await examine('maths');
    expect(exam?.verdict).toBe('passed');
    expect(exam?.parts[0]?.estimate?.value).toBeGreaterThan(0.9);
    expect(exam?.parts[0]?.questions[0]?.spellings).toBeGreaterThan(0.7);
    expect((await examine('upside'))?.verdict).toBe('inverted');
  });
});
