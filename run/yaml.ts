// Parses YAML with limits on its size and its aliases.

import { isScalar, parseDocument, visit } from 'yaml';
import { show } from './issues.ts';

const maxCharacters = 1 << 20;
/** The size in UTF-8 of the longest accepted text. */
export const maxYamlBytes = 4 * maxCharacters;
const maxAliases = 100;

/**
 * Parses YAML. Throws for text that is too long, invalid, or has duplicate keys or too many aliases: a few
 * lines of nested aliases can expand to billions of values, which the library is slow to reject.
 */
export function parseYaml(text: string): unknown {
  if (text.length > maxCharacters)
    throw new Error(`it has ${text.length} characters, but at most ${maxCharacters} are allowed`);
  // The library's check for duplicate keys takes quadratic time.
  const document = parseDocument(text, { uniqueKeys: false });
  const [problem] = document.errors;
  if (problem !== undefined) throw problem;
  let aliases = 0;
  visit(document, {
    Alias: () => (++aliases > maxAliases ? visit.BREAK : undefined),
    Map(_key, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name: unknown = isScalar(key) ? key.value : key;
        if (seen.has(name)) throw new Error(`the key ${show(name)} appears twice in one mapping`);
        seen.add(name);
      }
    },
  });
  if (aliases > maxAliases) throw new Error(`it has more than ${maxAliases} aliases (*name)`);
  return document.toJS({ maxAliasCount: maxAliases });
}
