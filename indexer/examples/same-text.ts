// Texts that differ only in case, punctuation and spaces have the same key.

import { createHash } from 'node:crypto';
import { listWords } from './words.ts';

/** The key shared by texts that differ only in case, punctuation and spaces. */
export function sameness(text: string): string {
  const words = listWords(text)
    .map(({ word }) => word)
    .join(' ');
  return createHash('sha256')
    .update(words === '' ? `text ${text.trim()}` : `words ${words}`)
    .digest('hex')
    .slice(0, 32);
}
