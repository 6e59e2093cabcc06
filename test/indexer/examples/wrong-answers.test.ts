// Examples with wrong answers.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listRowFiles } from '../../../data/rows/rows.ts';
import { readAnswerPairs } from '../../../indexer/examples/wrong-answers.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-wrong-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function pairsOf(rows: readonly object[], rules: { template?: string } = {}) {
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return readAnswerPairs(await listRowFiles(['rows.jsonl'], folder), rules);
}

describe('readAnswerPairs', () => {
  it('takes another choice of the row', async () => {
    const choices = { text: ['iron', 'air', 'wood'], label: ['A', 'B', 'C'] };
    const pairs = await pairsOf([
      { id: '1', question: 'Which is a metal?', choices, answerKey: 'A' },
      { id: '2', question: 'Which is a gas?', choices, answerKey: 'B' },
    ]);
    expect(pairs).toEqual([
      { right: 'Which is a metal?\niron', wrong: 'Which is a metal?\nair' },
      { right: 'Which is a gas?\nair', wrong: 'Which is a gas?\niron' },
    ]);
  });

  it('takes the answer of another row, if it differs', async () => {
    const pairs = await pairsOf([
      { question: 'What is 1 + 1?', answer: '2' },
      { question: 'What is 4 - 2?', answer: '2' },
      { question: 'What is 1 + 2?', answer: '3' },
    ]);
    expect(pairs).toEqual([
      { right: 'What is 1 + 1?\n2', wrong: 'What is 1 + 1?\n3' },
      { right: 'What is 4 - 2?\n2', wrong: 'What is 4 - 2?\n3' },
      { right: 'What is 1 + 2?\n3', wrong: 'What is 1 + 2?\n2' },
    ]);
  });

  it('follows a template', async () => {
    const pairs = await pairsOf(
      [
        { question: 'a?', answer: 'x' },
        { question: 'b?', answer: 'y' },
      ],
      { template: 'Q: {question} A: {answer}' },
    );
    expect(pairs.map(({ wrong }) => wrong)).toEqual(['Q: a? A: y', 'Q: b? A: x']);
  });

  it('does not keep the right answer in a text that has question and answer', async () => {
    const pairs = await pairsOf([
      { text: 'What is 1 + 1? It is 2.', question: 'What is 1 + 1?', answer: 'It is 2.' },
      { text: 'What is 1 + 2? It is 3.', question: 'What is 1 + 2?', answer: 'It is 3.' },
    ]);
    expect(pairs).toEqual([
      { right: 'What is 1 + 1?\nIt is 2.', wrong: 'What is 1 + 1?\nIt is 3.' },
      { right: 'What is 1 + 2?\nIt is 3.', wrong: 'What is 1 + 2?\nIt is 2.' },
    ]);
    const template = '{text} Answer: {answer}';
    const [kept] = await pairsOf(
      [
        { text: 'One?', answer: '1' },
        { text: 'Two?', answer: '2' },
      ],
      { template },
    );
    expect(kept).toEqual({ right: 'One? Answer: 1', wrong: 'One? Answer: 2' });
  });

  it('leaves out rows without an answer, and rows that all have the same one', async () => {
    expect(await pairsOf([{ text: 'only text' }, { text: 'more text' }])).toEqual([]);
    expect(
      await pairsOf([
        { question: 'a?', answer: 'yes' },
        { question: 'b?', answer: 'yes' },
      ]),
    ).toEqual([]);
    expect(await pairsOf([{ question: 'a?', answer: 'yes' }])).toEqual([]);
  });
});
