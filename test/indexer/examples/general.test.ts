// The general rules, for rows that match no recipe.

import { describe, expect, it } from '@jest/globals';
import type { Row } from '../../../run/fields/field-path.ts';
import { exampleText } from './example-text.ts';

/** Rows in common forms, and the text of each example. */
const formats: readonly [name: string, row: Row, text: string][] = [
  ['whole text', { text: ' 1 + 1 = 2\n', label: 3 }, '1 + 1 = 2'],
  [
    'whole text next to its parts',
    { text: 'What is 1 + 1?\nIt is 2.', question: 'What is 1 + 1?', answer: '2' },
    'What is 1 + 1?\nIt is 2.',
  ],
  [
    'whole text that ends with the answer',
    { text: 'He baked rye bread', answer: 'bread' },
    'He baked rye bread',
  ],
  [
    'whole text with the correct choice',
    { text: 'How many?\n3', choices: ['2', '3'], gold: 1 },
    'How many?\n3',
  ],
  [
    'whole text that ends with the letter of the answer',
    { text: 'A) rye B) ink. Answer: A', answer: 'A' },
    'A) rye B) ink. Answer: A',
  ],
  [
    'a text that is the question',
    { text: 'What is larger, a rye or an oak?', answer: 'an oak' },
    'What is larger, a rye or an oak?\nan oak',
  ],
  [
    'a text that is the question, with choices',
    { text: 'What is larger?', choices: ['rye', 'an oak'], gold: 1 },
    'What is larger?\nan oak',
  ],
  [
    'a text that the question is about',
    { text: 'Rye is a grain.', question: 'What is rye?', answer: 'a grain' },
    'Rye is a grain.\nWhat is rye?\na grain',
  ],
  [
    'a text and code',
    { text: 'Double a number.', code: 'def double(n):\n    return 2 * n' },
    'Double a number.\ndef double(n):\n    return 2 * n',
  ],
  ['a text and the number of its class', { text: 'Rye is up again.', target: 1 }, 'Rye is up again.'],
  ['question and answer', { question: 'What is 1 + 1?', answer: '2' }, 'What is 1 + 1?\n2'],
  [
    'GSM8K',
    { question: 'Ann has 4 loaves and bakes 2. How many?', answer: 'She has 4+2=<<4+2=6>>6.\n#### 6' },
    'Ann has 4 loaves and bakes 2. How many?\nShe has 4+2=<<4+2=6>>6.\n#### 6',
  ],
  ['a number as the answer', { question: 'What is 1 + 1?', answer: 2 }, 'What is 1 + 1?\n2'],
  [
    'NQ-open, a list of answers: the first counts',
    { question: 'who', answer: ['Ada', 'Ada Lovelace'] },
    'who\nAda',
  ],
  ['BIG-Bench Hard', { input: 'True and False is', target: 'False' }, 'True and False is\nFalse'],
  [
    'an instruction with an input',
    { instruction: 'Add.', input: '1 and 2', target: '3' },
    'Add.\n1 and 2\n3',
  ],
  ['a sentence alone', { sentence: 'Rain fell all night.' }, 'Rain fell all night.'],
  [
    'code that begins with an indent',
    { prompt: 'The body:', code: '    a = 1\n    return a' },
    'The body:\n    a = 1\n    return a',
  ],
  ['gold as an index', { question: 'Which?', choices: ['a cat', 'a dog'], gold: 1 }, 'Which?\na dog'],
  ['gold in a list', { question: 'Which?', choices: ['a cat', 'a dog'], gold: [1] }, 'Which?\na dog'],
  [
    'index over choices that are numbers',
    { question: 'How many?', choices: ['3', '2', '1', '0'], answer: 0 },
    'How many?\n3',
  ],
  [
    'the answer is the text of the choice',
    { question: 'Which?', choices: ['rye', 'oats'], answer: 'oats' },
    'Which?\noats',
  ],
  ['a letter', { question: 'Which?', choices: ['a cat', 'a dog'], answer: 'b' }, 'Which?\na dog'],
  [
    'a letter in brackets',
    { question: 'Which?', options: ['a cat', 'a dog'], answer: '(A)' },
    'Which?\na cat',
  ],
  [
    'two golds, one of them clear',
    { question: 'Which?', choices: ['a', 'b', 'c'], answer: 'C', answer_index: 2 },
    'Which?\nc',
  ],
  [
    'AGIEval, with letters in the choices',
    {
      passage: null,
      question: 'How many?',
      options: ['(A)4', '(B)5', '(C)6'],
      label: 'C',
      answer: null,
      other: null,
    },
    'How many?\n(C)6',
  ],
  [
    'choices as objects, labeled by numbers',
    {
      question: 'Which?',
      choices: [
        { label: '1', text: 'rye' },
        { label: '2', text: 'oats' },
        { label: '3', text: 'ink' },
      ],
      answerKey: '2',
    },
    'Which?\noats',
  ],
  [
    'choices as objects, out of order',
    {
      question: 'Which?',
      choices: [
        { label: 'C', text: 'rye' },
        { label: 'A', text: 'oats' },
        { label: 'B', text: 'ink' },
      ],
      answerKey: 'A',
    },
    'Which?\noats',
  ],
  [
    'choices by letter',
    { question: 'Which?', options: { B: 'rye', A: 'oats' }, answer: 'A' },
    'Which?\noats',
  ],
  [
    'MedQA',
    {
      question: 'Which?',
      options: { A: 'rye', B: 'oats' },
      answer: 'oats',
      answer_idx: 'B',
      meta_info: 'step1',
    },
    'Which?\noats',
  ],
  [
    'choices in columns A, B, C',
    { question: 'Which?', A: 'rye', B: 'oats', C: 'ink', answer: 'B' },
    'Which?\noats',
  ],
  [
    'choices in columns by letter',
    { question: 'Which?', option_a: 'rye', option_b: 'oats', answer: 'B' },
    'Which?\noats',
  ],
  [
    'choices as JSON in a cell',
    { question: 'Which?', choices: '["rye", "oats"]', answer: 'B' },
    'Which?\noats',
  ],
  [
    'a gap',
    { sentence: 'The cup broke since _ was $1 thin.', choices: ['the $& cup', 'x'], gold: 0 },
    'The cup broke since the $& cup was $1 thin.',
  ],
];

const refused: readonly [Row, string | undefined, RegExp][] = [
  [{}, undefined, /no question/],
  [{ text: '  ', question: '' }, undefined, /no question/],
  [{ title: 'Rye', paragraphs: [{ qas: [] }] }, undefined, /"paragraphs" holds several/],
  [{ question: 'Which?' }, undefined, /no answer/],
  [{ premise: 'Rye grows.', hypothesis: 'A grain grows.', label: 0 }, undefined, /no answer/],
  [{ question: ['Which?', 'Who?'], answer: ['rye', 'Ann'] }, undefined, /no question/],
  [{ question: 'Which?', answer: 'B' }, undefined, /the letter "B", but the row has no choices/],
  [{ question: 'Which?', answer: "{'text': array(['rye'], dtype=object)}" }, undefined, /written as text/],
  [{ question: 'Print.', solution: '["print(1)"]' }, undefined, /written as text/],
  [{ sentence: 'Which?', choices: ['a', 'b'] }, undefined, /no gold/],
  [{ question: 'Which?', choices: ['a', 'b'] }, undefined, /says which is correct/],
  [{ question: 'Which?', choices: "['a' 'b']", answer: 1 }, undefined, /choices is not a list of choices/],
  [{ question: 'Which?', choices: ['a', 'b'], gold: 2 }, undefined, /gold is "2".*2 choices/],
  [{ question: 'Which?', choices: ['a', 'b'], gold: -1 }, undefined, /gold is "-1"/],
  [{ question: 'Which?', choices: ['x', 'y'], answer: 'E' }, undefined, /answer is "E"/],
  [{ question: 'Which?', choices: ['x', ''], gold: 1 }, undefined, /gold is "1"/],
  [{ question: 'Which?', choices: [], gold: 0 }, undefined, /no choice/],
  [
    {
      question: 'Which?',
      choices: [
        { label: 'A', text: 'x' },
        { label: 'B', text: 'y' },
      ],
      answerKey: 'C',
    },
    undefined,
    /answerKey is "C"/,
  ],
  [
    {
      question: 'Which?',
      choices: [
        { label: 'A', text: 'x' },
        { label: 'A', text: 'y' },
      ],
      answerKey: 'A',
    },
    undefined,
    /answerKey is "A"/,
  ],
  // As a letter, it means a position; labels in the texts say otherwise.
  [{ question: 'Which?', options: ['(B) x', '(A) y'], answer: 'A' }, undefined, /may mean different choices/],
  [
    { question: 'Which?', choices: ['B', 'A'], answer: 'A' },
    undefined,
    /may mean different choices \(the text of a choice, or a letter\)/,
  ],
  // A number alone may count from 0 or from 1, or be the text of a choice.
  [
    { question: 'Which?', choices: ['a', 'b', 'c'], answer: 1 },
    undefined,
    /counting from 0, or counting from 1\), and no other row settles it/,
  ],
  [
    { question: 'Which?', choices: ['3', '2', '1', '0'], answer: '1' },
    undefined,
    /the text of a choice, or counting from 0/,
  ],
  [
    { question: 'Which?', choices: ['a', 'b'], answerKey: 'A', label: 'B' },
    undefined,
    /answerKey and label name different choices/,
  ],
  [{ q: 'Who?' }, '{q}\n{a}', /"a" is missing or empty \(for the template\)/],
];

describe('the general rules', () => {
  it.each(formats)('%s', (_name, row, text) => {
    expect(exampleText(row)).toMatchObject({ text, recipe: 'general' });
  });

  it.each(refused)('refuse %j and give the reason', (row, template, reason) => {
    expect(exampleText(row, { template })).toEqual({ reason: expect.stringMatching(reason) });
  });

  it('refuse rows with many questions, and choices with a gap', () => {
    expect(exampleText({ passage: 'Ann and Bo won.', qa_pairs: [{ question: 'Who won?' }] })).toEqual({
      reason: expect.stringMatching(/"qa_pairs" holds several/),
    });
    expect(
      exampleText({ question: 'Which?', option1: 'rye', option2: '', option3: 'oats', answer: 3 }),
    ).toEqual({ reason: expect.stringMatching(/^option2 is missing or empty but option3 is not/) });
  });

  it('report every field with text that they leave out', () => {
    const row = {
      id: 'x',
      source_url: 'https://example.org',
      level: 'easy',
      question: 'Which?',
      hint: 'It is a grain.',
      count: 3,
      notes: ['42', 'See above.'],
      distractor1: 'ink',
      answer: 'rye',
    };
    expect(exampleText(row)).toMatchObject({ text: 'Which?\nrye', unused: ['hint', 'notes'] });
  });

  it('are replaced by a template', () => {
    expect(exampleText({ q: 'Who?', a: ['Ada'], text: 'no' }, { template: 'Q: {q}\nA: {a}' })).toEqual({
      text: 'Q: Who?\nA: Ada',
      recipe: 'template',
      unused: [],
    });
  });

  it('are also used for rows that match a recipe if the settings name the recipe "general"', () => {
    const row = { instruction: 'Name a grain.', output: 'Rye.' };
    expect(exampleText(row)).toMatchObject({ recipe: 'alpaca' });
    expect(exampleText(row, { recipe: 'general' })).toMatchObject({
      recipe: 'general',
      text: 'Name a grain.\nRye.',
    });
    expect(exampleText(row, { recipe: 'arc' })).toEqual({
      reason: expect.stringMatching(/lacks the fields of recipe "arc" \(question, choices\.text/),
    });
    expect(() => exampleText(row, { recipe: 'ark' })).toThrow(
      /names an unknown recipe, "ark"[^]*Known recipes: alpaca,/,
    );
  });
});
