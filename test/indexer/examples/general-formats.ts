// Rows of common formats, and their examples by the general rules.

import type { Row } from '../../../run/fields/field-path.ts';

/** Rows in common forms, and the text of each example. */
export const formats: readonly [name: string, row: Row, text: string][] = [
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
