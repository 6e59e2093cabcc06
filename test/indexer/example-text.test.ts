import { describe, expect, it } from '@jest/globals';
import { exampleText, type Row } from '../../indexer/example-text.ts';

/** Benchmarks as they are published, and the text that an example of each becomes. */
const formats: readonly [name: string, row: Row, text: string][] = [
  ['whole text', { text: ' 1 + 1 = 2\n', question: 'ignored' }, '1 + 1 = 2'],
  ['question and answer', { question: 'What is 1 + 1?', answer: '2' }, 'What is 1 + 1?\n2'],
  ['a number for an answer', { question: 'What is 1 + 1?', answer: 2 }, 'What is 1 + 1?\n2'],
  ['a list of answers: the first', { question: 'Who?', answer: ['Ada', 'Ada Lovelace'] }, 'Who?\nAda'],
  ['TriviaQA', { question: 'Who?', answer: { value: 'Ada', aliases: ['Countess'] } }, 'Who?\nAda'],
  ['SQuAD', { context: 'Ada wrote it.', question: 'Who wrote it?', answers: { text: ['Ada', 'ada'], answer_start: [0, 0] } }, 'Ada wrote it.\nWho wrote it?\nAda'],
  ['BoolQ', { question: 'is it raining', passage: 'It rains.', answer: true }, 'It rains.\nis it raining\nyes'],
  ['SciQ', { question: 'What melts?', correct_answer: 'ice', distractor1: 'air', support: 'Ice melts at 0 °C.' }, 'What melts?\nice\nIce melts at 0 °C.'],
  ['MATH', { problem: 'Find x.', solution: 'x = 3', level: 'Level 1' }, 'Find x.\nx = 3'],
  ['MATH-500', { problem: 'Find x.', solution: 'So x is 3.', answer: '3' }, 'Find x.\n3\nSo x is 3.'],
  ['HumanEval', { prompt: 'def f():', canonical_solution: '    return 1', test: 'assert' }, 'def f():\nreturn 1'],
  ['PubMedQA', { question: 'Does it help?', context: { contexts: ['One.', 'Two.'] }, long_answer: 'It may.', final_decision: 'maybe' }, 'One.\nTwo.\nDoes it help?\nmaybe\nIt may.'],
  ['a sentence alone', { sentence: 'Rain fell all night.' }, 'Rain fell all night.'],
  ['gold as an index', { question: 'Which?', choices: ['a cat', 'a dog'], gold: 1 }, 'Which?\na dog'],
  ['index over choices that are numbers', { question: 'How many?', choices: ['3', '2', '1', '0'], answer: 0 }, 'How many?\n3'],
  ['the answer is the choice itself', { question: 'How many?', choices: ['3', '2', '1', '0'], answer: '0' }, 'How many?\n0'],
  ['a letter', { question: 'Which?', choices: ['a cat', 'a dog'], answer: 'B' }, 'Which?\na dog'],
  ['a letter in brackets', { question: 'Which?', options: ['a cat', 'a dog'], answer: '(A)' }, 'Which?\na cat'],
  ['ARC', { question: 'Which?', choices: { text: ['a cat', 'a dog'], label: ['A', 'B'] }, answerKey: 'B' }, 'Which?\na dog'],
  ['ARC with numbers for letters', { question: 'Which?', choices: { text: ['a cat', 'a dog'], label: ['1', '2'] }, answerKey: '2' }, 'Which?\na dog'],
  ['OpenBookQA', { question_stem: 'Which?', choices: { text: ['a cat', 'a dog'], label: ['A', 'B'] }, answerKey: 'A', fact1: 'cats purr' }, 'Which?\na cat\ncats purr'],
  ['HellaSwag', { ctx: 'A man', endings: ['runs.', 'sleeps.'], label: '1' }, 'A man\nsleeps.'],
  ['PIQA', { goal: 'Boil water', sol1: 'Use a pot.', sol2: 'Use a hat.', label: 0 }, 'Boil water\nUse a pot.'],
  ['COPA', { premise: 'It rained.', question: 'effect', choice1: 'It got wet.', choice2: 'It dried.', label: 0 }, 'It rained.\neffect\nIt got wet.'],
  ['SIQA', { context: 'Jo left.', question: 'Why?', answerA: 'tired', answerB: 'bored', answerC: 'sad', label: '3' }, 'Jo left.\nWhy?\nsad'],
  ['Winogrande', { sentence: 'The cup broke since _ was thin.', option1: 'the cup', option2: 'the table', answer: '1' }, 'The cup broke since the cup was thin.'],
  ['Winogrande with choices', { sentence: 'The cup broke since _ was $1 thin.', choices: ['the $& cup', 'x'], gold: 0 }, 'The cup broke since the $& cup was $1 thin.'],
];

describe('an example as one text', () => {
  it.each(formats)('%s', (_name, row, text) => {
    expect(exampleText(row)).toEqual({ text });
  });

  it('follows a template', () => {
    expect(exampleText({ q: 'Who?', a: ['Ada'], text: 'no' }, 'Q: {q}\nA: {a}')).toEqual({ text: 'Q: Who?\nA: Ada' });
  });

  const refused: readonly [Row, string | undefined, RegExp][] = [
    [{}, undefined, /no question/],
    [{ text: '  ', question: '' }, undefined, /no question/],
    [{ question: 'Which?' }, undefined, /no answer/],
    [{ sentence: 'Which?', choices: ['a', 'b'] }, undefined, /no gold/],
    [{ question: 'Which?', choices: ['a', 'b'] }, undefined, /says which is right/],
    [{ question: 'Which?', choices: ['a', 'b'], gold: 2 }, undefined, /gold is "2".*2 choices/],
    [{ question: 'Which?', choices: ['a', 'b'], gold: -1 }, undefined, /gold is "-1"/],
    [{ question: 'Which?', choices: ['x', 'y'], answer: 'E' }, undefined, /answer is "E"/],
    [{ question: 'Which?', choices: ['x', ''], gold: 1 }, undefined, /gold is "1"/],
    [{ question: 'Which?', choices: [], gold: 0 }, undefined, /no choice/],
    [{ q: 'Who?' }, '{q}\n{a}', /field "a" of the template/],
  ];
  it.each(refused)('refuses %j and says why', (row, template, reason) => {
    expect(exampleText(row, template)).toEqual({ reason: expect.stringMatching(reason) });
  });
});
