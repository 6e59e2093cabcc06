// A scorer for tests that leaves some documents without a score, and that answers later.

import { setImmediate } from 'node:timers/promises';
import { fingerprint } from '../../run/run.ts';
import type { scorerKinds } from '../../scoring/scorers/list.ts';

export const pickyDetails = ['length', 'vowels'];

export interface Picked {
  score: number | null;
  /** The score for the benchmark "other". */
  other: number;
  reason: string | null;
  length: number;
  /** Nobody counts the vowels of a text that is too short. */
  vowels: number | null;
}

/** What the scorer says about a text; scores are few, so many are equal. */
export function pick(text: string): Picked {
  const length = Buffer.byteLength(text);
  const vowels = text.match(/[aeiou]/g)?.length ?? 0;
  const other = (length * 3 + vowels) % 17;
  if (length < 40) return { score: null, other, reason: 'too-short', length, vowels: null };
  if (vowels % 5 === 0) return { score: null, other, reason: 'refused', length, vowels };
  return { score: ((length * 7 + vowels) % 40) / 8 - 2, other, reason: null, length, vowels };
}

/** Measured at a thousand bytes a second, once. */
const measured = new Set<string>();

export const picky: (typeof scorerKinds)[number] = {
  name: 'picky',
  usage: 'picky',
  takesFile: false,
  prepare: () =>
    Promise.resolve({
      kind: 'picky',
      file: '',
      settings: {},
      outputs: ['joint', 'other'],
      details: pickyDetails,
      slow: true,
      fingerprint: fingerprint({ picky: 1 }),
      notes: [],
    }),
  open: () =>
    Promise.resolve({
      outputs: ['joint', 'other'],
      details: pickyDetails,
      measure: (texts) => {
        const fresh = texts.filter((text) => !measured.has(text));
        for (const text of fresh) measured.add(text);
        const bytes = fresh.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
        return Promise.resolve({ documents: fresh.length, seconds: bytes / 1000, tokens: bytes, price: 50 });
      },
      async scoreTexts(text, textEnds, count, out, _documents, notes) {
        for (let i = 0; i < count; i++) {
          const own = Buffer.from(text.subarray(textEnds[i - 1] ?? 0, textEnds[i])).toString();
          const { score, other, reason, length, vowels } = pick(own);
          if (i % 64 === 0) await setImmediate();
          notes?.progress(i);
          out[2 * i] = score ?? NaN;
          out[2 * i + 1] = score === null ? NaN : other;
          if (notes === undefined) continue;
          notes.reasons[i] = reason ?? undefined;
          notes.details[2 * i] = length;
          notes.details[2 * i + 1] = vowels ?? NaN;
        }
      },
    }),
};
