// Parses YAML with limits on its size and its aliases.

import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { show } from './issues.ts';

/** The library's time for invalid text grows faster than its length. */
const maxCharacters = 1 << 17;
/** Deeper nesting can exhaust the library's memory, which would end the process without an error. */
const maxDepth = 100;
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
  if (isDeep(text)) throw new Error(`it is nested more than ${maxDepth} levels deep`);
  const lineCounter = new LineCounter();
  // The library takes quadratic time to check for duplicate keys, and to quote the line of every error.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, lineCounter });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new Error(`${problem.message} at line ${line}, column ${col}`);
  }
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

/**
 * Whether more than `maxDepth` brackets are open, or list and key indicators (`- `, `? `) follow each other. Counts
 * those in quotes, too.
 */
function isDeep(text: string): boolean {
  let open = 0;
  let indicators = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '[' || character === '{') open++;
    else if (character === ']' || character === '}') open = Math.max(0, open - 1);
    if ((character === '-' || character === '?') && text[at + 1] === ' ') indicators++;
    else if (character !== ' ') indicators = 0;
    if (open > maxDepth || indicators > maxDepth) return true;
  }
  return false;
}
