import { describe, expect, it } from '@jest/globals';
import type { Row } from '../../../run/fields/field-path.ts';
import { fillTemplate, parseTemplate, templateFields } from '../../../run/fields/template.ts';

function fill(row: Row, text: string): string {
  const template = parseTemplate(text);
  if (typeof template === 'string') return `no template: ${template}`;
  const filled = fillTemplate(row, template);
  return 'value' in filled ? filled.value : `refused: ${filled.reason}`;
}

const row: Row = {
  question: ' Which? ',
  choices: ['rye', 'oats', 'tea'],
  gold: 1,
  number: '2',
  letter: '(C)',
  options: { A: 'rye', B: 'oats' },
  key: 'B',
  meta: { gold: 2, deep: { er: [[1, 2], [3]] } },
  answers_spans: { spans: ['3', '4'], types: ['number'] },
  same: ['6', '6'],
  messages: [
    { role: 'user', content: 'What is rye?' },
    { role: 'assistant', content: 'A grain.' },
  ],
  gaps: [{ content: 'one' }, { content: null }],
  prompt: 'def f():\n',
  code: '    a = 1\n    return a\n',
  yes: true,
  nothing: null,
  blank: '  ',
  none: [],
  'a.b': 'dotted',
  'Correct Answer': 'ice',
  cell: '{"text": ["rye"]}',
};

describe('a template', () => {
  it('without any text refuses the row', () => {
    expect(fill(row, '{question} {input?}')).toBe('refused: no field has text');
  });

  it.each([
    ['{question}\n{choices[gold]}', 'Which?\noats'],
    ['{choices[0]}, {choices[-1]}', 'rye, tea'],
    ['{choices[number]}', 'tea'],
    ['{choices[number - 1]}', 'oats'],
    ['{choices[letter]}', 'tea'],
    ['{choices[meta.gold]}', 'tea'],
    ['{options[key]}', 'oats'],
    ['{answers_spans.spans[0]}', '3'],
    ['{answers_spans.spans[*]}', '3\n4'],
    ['{messages[*].content}', 'What is rye?\nA grain.'],
    ['{messages[1].content}', 'A grain.'],
    ['{meta.deep.er[*][*]}', '1\n2\n3'],
    ['{meta.deep.er[0][1]}', '2'],
    ['{same}', '6'],
    ['{yes}', 'yes'],
    ['{a.b}', 'dotted'],
    ['{Correct Answer}', 'ice'],
    ['{cell.text[0]}', 'rye'],
    ['{question}\n{nothing?}\n{key}', 'Which?\nB'],
    ['Q: {question}\nContext: {nothing?}\nA: {key}', 'Q: Which?\nA: B'],
    ['{{"a": "{key}"}}', '{"a": "B"}'],
    ['\\boxed{{{key}}}', '\\boxed{B}'],
    ['{prompt}{code}', 'def f():\n    a = 1\n    return a'],
    ['Body:\n{code}', 'Body:\n    a = 1\n    return a'],
  ])('%j', (template, text) => {
    expect(fill(row, template)).toBe(text);
  });

  it.each([
    ['{absent}', /"absent" is missing or empty/],
    ['{nothing}', /"nothing" is missing/],
    ['{blank}', /"blank" is missing/],
    ['{none}', /"none" is missing/],
    ['{none[0]}', /"none\[0\]" is missing/],
    [
      '{choices}',
      /"choices" has 3 different items; use choices\[0\] for the first, or choices\[\*\] for all/,
    ],
    ['{choices[3]}', /"choices\[3\]" is missing/],
    ['{choices[key2]}', /"key2" is missing/],
    ['{choices[question]}', /"question" is " Which\? ", which is not an item of "choices" \(3 items\)/],
    ['{options[letter]}', /"letter" is "\(C\)", which is not a field of "options"/],
    ['{meta}', /"meta" is an object, not text; it has gold, deep/],
    ['{question.text}', /"question" has no field "text": it is text/],
    ['{question[*]}', /"question" is not a list/],
    ['{gaps[*].content}', /"gaps\[1\].content" is missing/],
    ['{messages[*]}', /"messages\[\*\]" is an object/],
    // What may be missing may not be wrong.
    ['{question}\n{meta?}', /"meta" is an object/],
  ])('%j refuses the row', (template, reason) => {
    expect(fill(row, template)).toMatch(/^refused: /);
    expect(fill(row, template)).toMatch(reason);
  });

  it.each([
    ['no field', /at least one field in braces/],
    ['{{a}}', /at least one field in braces/],
    ['{question', /without an unmatched "\{"; write \{\{/],
    ['question}', /without an unmatched "\}"/],
    ['{}', /a field without a name/],
    ['{a..b}', /"a..b" has a part without a name/],
    ['{a.}', /ends with a dot/],
    ['{a[0}', /unclosed "\["/],
    ['{a[]}', /a field without a name/],
  ])('%j is none', (template, problem) => {
    expect(fill(row, template)).toMatch(/^no template: /);
    expect(fill(row, template)).toMatch(problem);
  });

  it('names the fields that it needs', () => {
    const template = parseTemplate('{a.b} {c[d.e - 1].f}\n{g?}');
    expect(
      typeof template === 'string' ? template : [templateFields(template), templateFields(template, true)],
    ).toEqual([
      ['a', 'c', 'd', 'g'],
      ['a', 'c', 'd'],
    ]);
  });
});
