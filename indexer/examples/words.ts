// Defines a word for finding leaks, in slow and simple code. The fast loop (leaks/find.as.ts) must agree with
// this file. Words are runs of letters and digits (Unicode's L and N); everything else separates them.
// Letters are lower-cased one by one: if one becomes several, the first counts, and the final sigma becomes a
// plain sigma, so a word is the same in any position.

const wordPattern = /[\p{L}\p{N}]+/gu;
const wordCharacter = /^[\p{L}\p{N}]$/u;
/**
 * Beyond this, Unicode 16 assigns no letters or digits (the last is U+323AF), only private use and variation
 * selectors.
 */
export const foldedCodePoints = 0x34000;

export interface Word {
  word: string;
  /** Position in the text, in UTF-16 code units. */
  start: number;
  end: number;
}

/** The words of a text, in order. */
export function listWords(text: string): Word[] {
  return [...text.matchAll(wordPattern)].flatMap(({ 0: word, index }) => {
    const folded = Array.from(word, (character) => fold(character.codePointAt(0) ?? 0));
    // A digit or letter beyond the end of the table separates words.
    return folded.includes(0)
      ? listWordsSlowly(word, index)
      : [
          {
            word: folded.map((codePoint) => String.fromCodePoint(codePoint)).join(''),
            start: index,
            end: index + word.length,
          },
        ];
  });
}

function listWordsSlowly(text: string, offset: number): Word[] {
  const words: Word[] = [];
  let current: Word | undefined;
  let at = offset;
  for (const character of text) {
    const folded = fold(character.codePointAt(0) ?? 0);
    if (folded === 0) current = undefined;
    else if (current === undefined)
      words.push((current = { word: String.fromCodePoint(folded), start: at, end: at + character.length }));
    else {
      current.word += String.fromCodePoint(folded);
      current.end = at + character.length;
    }
    at += character.length;
  }
  return words;
}

/** A letter or digit in lower case; 0 for characters that separate words. */
export function foldCodePoint(codePoint: number): number {
  if (codePoint >= foldedCodePoints || (codePoint >= 0xd800 && codePoint < 0xe000)) return 0;
  const character = String.fromCodePoint(codePoint);
  if (!wordCharacter.test(character)) return 0;
  const lower = character.toLowerCase().codePointAt(0) ?? 0;
  return lower === 0x3c2 ? 0x3c3 : lower;
}

function fold(codePoint: number): number {
  return foldTable()[codePoint] ?? 0;
}

let table: Uint32Array | undefined;

/** `foldCodePoint` of every code point up to `foldedCodePoints`. */
export function foldTable(): Uint32Array {
  return (table ??= Uint32Array.from({ length: foldedCodePoints }, (_, codePoint) =>
    foldCodePoint(codePoint),
  ));
}
