// Which words of two texts differ: those outside of a longest common subsequence of their words.

export interface Part {
  text: string;
  /** Whether the other text lacks these words here. */
  differs: boolean;
}

export interface WordDifference {
  /** Both texts in full, in order. */
  left: Part[];
  right: Part[];
  /** Common words, as a share of the words of the shorter text. */
  common: number;
}

/** Steps that a comparison may take; beyond them, no words are taken for common. */
const mostSteps = 4_000_000;

export function compareWords(left: string, right: string): WordDifference {
  const [leftWords, rightWords] = [wordsOf(left), wordsOf(right)];
  const [inLeft, inRight] = findCommon(
    leftWords.map(({ word }) => word),
    rightWords.map(({ word }) => word),
  );
  const shorter = Math.min(leftWords.length, rightWords.length);
  return {
    left: cut(left, leftWords, inLeft),
    right: cut(right, rightWords, inRight),
    common: shorter === 0 ? 0 : inLeft.size / shorter,
  };
}

interface Word {
  word: string;
  at: number;
}

/** Words, and every other character that is not a space by itself. */
function wordsOf(text: string): Word[] {
  return [...text.matchAll(/[\p{L}\p{N}\p{M}]+|[^\s\p{L}\p{N}\p{M}]/gu)].map((match) => ({
    word: match[0],
    at: match.index,
  }));
}

/** The places of a longest common subsequence in both lists. */
function findCommon(left: readonly string[], right: readonly string[]): [Set<number>, Set<number>] {
  const [inLeft, inRight] = [new Set<number>(), new Set<number>()];
  const width = right.length + 1;
  if (left.length * right.length > mostSteps) return [inLeft, inRight];
  // lengths[i * width + j]: of the longest common subsequence of what follows place i and place j.
  const lengths = new Uint16Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] =
        left[i] === right[j]
          ? 1 + (lengths[at + width + 1] ?? 0)
          : Math.max(lengths[at + width] ?? 0, lengths[at + 1] ?? 0);
    }
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    const at = i * width + j;
    if (left[i] === right[j]) {
      inLeft.add(i++);
      inRight.add(j++);
    } else if ((lengths[at + width] ?? 0) >= (lengths[at + 1] ?? 0)) i++;
    else j++;
  }
  return [inLeft, inRight];
}

/** Spaces between two words that differ belong to them; other spaces differ from nothing. */
function cut(text: string, words: readonly Word[], common: ReadonlySet<number>): Part[] {
  const parts: Part[] = [];
  const add = (part: string, differs: boolean): void => {
    const last = parts.at(-1);
    if (part === '') return;
    if (last?.differs === differs) last.text += part;
    else parts.push({ text: part, differs });
  };
  let end = 0;
  for (const [index, { word, at }] of words.entries()) {
    const differs = !common.has(index);
    add(text.slice(end, at), differs && index > 0 && !common.has(index - 1));
    add(word, differs);
    end = at + word.length;
  }
  add(text.slice(end), false);
  return parts;
}
