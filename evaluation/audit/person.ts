// Who answers: people give a name, which is all that is known of them.

import { fail } from '../../run/errors/errors.ts';

export const longestName = 80;

/** A person's name without superfluous spaces. Errors: OPTION_INVALID. */
export function nameOf(text: string): string {
  const name = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  if (name === '' || name.length > longestName || /[\p{Cc}\p{Bidi_Control}]/u.test(name))
    throw fail('OPTION_INVALID', {
      option: 'person',
      got: text.slice(0, longestName),
      allowed: `a name of 1 to ${longestName} characters`,
    });
  return name;
}

/** The same for spellings of one name: "Ada" and "ada " are one person. */
export function personKey(name: string): string {
  return name.toLowerCase();
}
