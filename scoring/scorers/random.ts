// The random baseline: a seeded hash of the document's key.

import { keyHash } from '../../data/files/hash.ts';
import { fingerprint } from '../../run/run.ts';
import { readOptions } from './options.ts';
import type { ScorerKind } from './kind.ts';

/** The number of evenly spaced float32 values in [0, 1). */
const values = 2 ** 24;

/** The score of a document key: uniform in [0, 1). */
export function randomScore(document: string, seed: number): number {
  // The prefix makes this choice independent of the sample's, which may use the same seed.
  return Number(keyHash(`random\n${document}`, seed) >> 40n) / values;
}

export const random: ScorerKind = {
  name: 'random',
  usage: 'random[:seed=N]',
  takesFile: false,
  prepare({ argument }) {
    const { seed } = readOptions('random', argument, { seed: 1 });
    return Promise.resolve({
      kind: 'random',
      file: '',
      settings: { seed },
      outputs: ['joint'],
      fingerprint: fingerprint({ random: 1, seed }),
      notes: [],
    });
  },
  open(_run, { settings }) {
    const seed = Number(settings['seed']);
    return Promise.resolve({
      outputs: ['joint'],
      scoreTexts(_text, _textEnds, count, out, documents) {
        for (let i = 0; i < count; i++) out[i] = randomScore(documents[i] ?? '', seed);
      },
    });
  },
};
