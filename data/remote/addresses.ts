// Expands patterns of web addresses: ranges and lists, such as {00..15} or {train,test}. Wildcards are
// impossible because servers do not list their files.

import braces from 'braces';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { showPath } from '../../run/address.ts';

const maxAddresses = 100_000;

/** The addresses that a pattern expands to. Errors: NO_FILES. */
export function expandAddress(pattern: string): string[] {
  if (!pattern.includes('{')) return [pattern];
  try {
    return braces(pattern, { expand: true, rangeLimit: maxAddresses });
  } catch (error) {
    throw fail('NO_FILES', { what: `the pattern (${reasonOf(error)})`, patterns: showPath(pattern) }, error);
  }
}
