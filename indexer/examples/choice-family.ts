// Choices in fields of their own, such as choice_a, choice_b and choice_c.

import { type Choices, letters, digits, choiceText } from './choices.ts';

const familyNames = ['option', 'choice', 'answer', 'ending', 'sol', 'opt', 'op'];

/** Choices in separate fields, such as A, B, C, D or option1, option2. */
export function readFamily(
  row: Readonly<Record<string, unknown>>,
): { choices: Choices; fields: string[] } | { reason: string } | undefined {
  for (const name of ['', ...familyNames.flatMap((one) => [one, `${one}_`])]) {
    for (const suffixes of [
      letters,
      letters.map((letter) => letter.toLowerCase()),
      ['0', ...digits],
      digits,
    ]) {
      // A field named "a" is rarely a choice.
      if (name === '' && suffixes !== letters) continue;
      const fields = suffixes
        .slice(
          0,
          suffixes.findIndex((suffix) => suffix === '' || choiceText(row[name + suffix]) === ''),
        )
        .map((suffix) => name + suffix);
      const beyond =
        fields.length === 0
          ? undefined
          : suffixes
              .slice(fields.length + 1)
              .find((suffix) => suffix !== '' && choiceText(row[name + suffix]) !== '');
      if (beyond !== undefined)
        return {
          reason:
            `${name}${suffixes[fields.length] ?? ''} is missing or empty but ${name}${beyond} is ` +
            'not, so the choices cannot be counted',
        };
      if (fields.length < 2) continue;
      const isLettered = suffixes[0] === 'A' || suffixes[0] === 'a';
      return {
        choices: {
          texts: fields.map((field) => choiceText(row[field])),
          labels: isLettered ? letters.slice(0, fields.length) : undefined,
        },
        fields,
      };
    }
  }
  return undefined;
}
