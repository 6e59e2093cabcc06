// Bits per byte of a text under a language model of word trigrams. A model of byte trigrams, trained on the
// words of the same text, spells unknown words, so every text has a probability and texts of any vocabulary
// can be compared.

import { type NgramModel, openTrainer } from './kneser-ney.ts';

const wordOrder = 3;
const spellingOrder = 3;
/** The probability of a word of hundreds of bytes underflows; it gets this value instead. */
const leastLog2 = -1000;
/** End of a word. */
const endOfWord = 256;
const evenByte = 1 / 257;

/**
 * Words with the space before them, numbers, runs of punctuation, and other white space; concatenated, they
 * are the text.
 */
const wordPattern = / ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Numbers for words, shared by all models being compared. */
export interface Vocabulary {
  /** The words of a text as numbers, and the text's UTF-8 bytes. */
  encode(text: string): EncodedText;
  wordOf(symbol: number): string;
}

export interface EncodedText {
  words: Int32Array;
  bytes: number;
}

export function openVocabulary(): Vocabulary {
  const numbers = new Map<string, number>();
  const words: string[] = [];
  return {
    encode(text) {
      const found = text.match(wordPattern) ?? [];
      const symbols = Int32Array.from(found, (word) => {
        const known = numbers.get(word);
        if (known !== undefined) return known;
        numbers.set(word, words.length);
        return words.push(word) - 1;
      });
      return { words: symbols, bytes: Buffer.byteLength(text) };
    },
    wordOf: (symbol) => words[symbol] ?? '',
  };
}

export interface WordModel {
  /** Bits that the model needs for a text, from its beginning. */
  countBits(text: EncodedText): number;
}

/** Trains the model on texts; each is a separate sequence. */
export function trainWordModel(texts: Iterable<Int32Array>, vocabulary: Vocabulary): WordModel {
  const trainer = openTrainer(wordOrder);
  const seen = new Set<number>();
  for (const words of texts) {
    trainer.add(words);
    for (const word of words) seen.add(word);
  }
  const speller = trainSpeller([...seen].map((word) => vocabulary.wordOf(word)));
  const model = trainer.finish();
  const spelled = new Map<number, number>();
  const baseOf = (word: number): number => {
    const known = spelled.get(word);
    if (known !== undefined) return known;
    const base =
      2 **
      Math.max(
        leastLog2,
        speller.sumLog2(bytesOf(vocabulary.wordOf(word)), () => evenByte),
      );
    spelled.set(word, base);
    return base;
  };
  return { countBits: ({ words }) => -model.sumLog2(words, (at) => baseOf(words[at] ?? 0)) };
}

function trainSpeller(words: readonly string[]): NgramModel {
  const trainer = openTrainer(spellingOrder);
  for (const word of words) trainer.add(bytesOf(word));
  return trainer.finish();
}

function bytesOf(word: string): Int32Array {
  return Int32Array.from([...Buffer.from(word), endOfWord]);
}
