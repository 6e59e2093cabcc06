// Texts that are the same but for case, punctuation, and spaces share a key.

import { createHash } from 'node:crypto';
import { listWords } from './words.ts';

/** What two texts share that are the same but for case, punctuation and spaces. */
export function sameness(text: string): string {
  const words = listWords(text)
    .map(({ word }) => word)
    .join(' ');
  return createHash('sha256')
    .update(words === '' ? `text ${text.trim()}` : `words ${words}`)
    .digest('hex')
    .slice(0, 32);
}
