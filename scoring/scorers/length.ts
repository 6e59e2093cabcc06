// A baseline: the length of the text in UTF-8 bytes, longest first.

import { fingerprint } from '../../run/run.ts';
import { readOptions } from './options.ts';
import type { ScorerKind } from './kind.ts';

export const length: ScorerKind = {
  name: 'length',
  usage: 'length',
  takesFile: false,
  prepare({ argument }) {
    readOptions('length', argument, {});
    return Promise.resolve({
      kind: 'length',
      file: '',
      settings: {},
      outputs: ['joint'],
      fingerprint: fingerprint({ length: 1 }),
      notes: [],
    });
  },
  open: () =>
    Promise.resolve({
      outputs: ['joint'],
      scoreTexts(_text, textEnds, count, out) {
        for (let i = 0; i < count; i++) out[i] = (textEnds[i] ?? 0) - (textEnds[i - 1] ?? 0);
      },
    }),
};
