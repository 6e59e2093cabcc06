// Examples divided into questions and answers.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ignoredRows } from '../../../data/files/quarantine.ts';
import { listRowFiles } from '../../../data/rows/rows.ts';
import { type Answered, readAnswers } from '../../../indexer/examples/answers.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-answers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function answersOf(rows: readonly object[], rules: { template?: string } = {}): Promise<Answered[]> {
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return readAnswers(await listRowFiles(['rows.jsonl'], folder), rules, ignoredRows);
}

describe('readAnswers', () => {
  it('divides choices from their question, also where a text repeats both', async () => {
    const choices = ['iron', 'air', 'wood'];
    const divided = { prompt: 'Which is a metal?\n', choices, answer: 0, text: 'Which is a metal?\niron' };
    expect(
      await answersOf([
        { id: 'a', question: 'Which is a metal?', choices, gold: 0 },
        { id: 'b', text: 'Which is a metal?\niron', question: 'Which is a metal?', choices, gold: 0 },
        { id: 'c', text: 'Which is a metal?\niron', choices, gold: 0 },
        {
          id: 'd',
          question: 'Which is a gas?',
          choices: { text: choices, label: ['A', 'B', 'C'] },
          answerKey: 'B',
        },
      ]),
    ).toEqual([
      { id: 'a', ...divided },
      { id: 'b', ...divided },
      { id: 'c', ...divided },
      { id: 'd', prompt: 'Which is a gas?\n', choices, answer: 1, text: 'Which is a gas?\nair' },
    ]);
  });

  it('keeps the rest of a sentence with the choice in its gap, and leaves explanations out', async () => {
    expect(
      await answersOf([
        { id: 'w', sentence: 'Sarah saw Maria, so _ waved.', choices: ['Sarah', 'Maria'], gold: 1 },
        {
          id: 'o',
          question: 'What is hot?',
          choices: ['fire', 'ice'],
          gold: 0,
          explanation: 'Fire burns.\nIce does not.',
        },
      ]),
    ).toEqual([
      {
        id: 'w',
        prompt: 'Sarah saw Maria, so ',
        choices: ['Sarah waved.', 'Maria waved.'],
        answer: 1,
        text: 'Sarah saw Maria, so Maria waved.',
      },
      {
        id: 'o',
        prompt: 'What is hot?\n',
        choices: ['fire', 'ice'],
        answer: 0,
        text: 'What is hot?\nfire\nFire burns.\nIce does not.',
      },
    ]);
  });

  it('divides single answers from what is asked', async () => {
    const rows = [
      { question: 'What is 1 + 1?', answer: '2' },
      {
        context: 'Rome is old.',
        question: 'What is old?',
        answers: { text: ['Rome', 'It'], answer_start: [0] },
      },
      { text: 'Add one.\ndef f(x):\n    return x + 1', prompt: 'Add one.' },
      { text: 'What is 2 + 2?\nTwo and two are 4.', question: 'What is 2 + 2?', answer: '4' },
      { text: 'They went home with Shane', answer: 'Shane' },
      { question: 'Why is it dark?', correct_answer: 'night', support: 'At night it is dark.' },
    ];
    const divided = (await answersOf(rows)).map((item) => [item.prompt, 'target' in item ? item.target : '']);
    expect(divided).toEqual([
      ['What is 1 + 1?\n', '2'],
      ['Rome is old.\nWhat is old?\n', 'Rome'],
      ['Add one.\n', 'def f(x):\n    return x + 1'],
      ['What is 2 + 2?\n', 'Two and two are 4.'],
      ['They went home with ', 'Shane'],
      ['Why is it dark?\n', 'night'],
    ]);
  });

  it('follows a template, and takes the whole text where it cannot tell the answer', async () => {
    expect(
      await answersOf([{ id: '1', question: 'a?', answer: 'x' }], { template: 'Q: {question} A: {answer}.' }),
    ).toEqual([{ id: '1', text: 'Q: a? A: x.', prompt: 'Q: a? A: ', target: 'x' }]);
    expect(await answersOf([{ id: '1', text: 'A whole text.' }])).toEqual([
      { id: '1', text: 'A whole text.', prompt: '', target: 'A whole text.' },
    ]);
  });
});
