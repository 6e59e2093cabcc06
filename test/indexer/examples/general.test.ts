// The general rules, for rows that match no recipe.

import { describe, expect, it } from '@jest/globals';
import type { Row } from '../../../run/fields/field-path.ts';
import { exampleText } from './example-text.ts';
import { formats } from './general-formats.ts';

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
