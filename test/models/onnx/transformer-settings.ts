// Settings of embedding models for the tests, and a real model if there is one.

import { it } from '@jest/globals';
import { parseSettings } from '../../../run/read-settings.ts';
import type { Settings } from '../../../run/settings.ts';
import { findShared } from '../../shared/find.ts';

export const model = findShared('models', 'Xenova', 'all-MiniLM-L6-v2');
export const withModel = model === undefined ? it.skip : it;

export function embedding(settings: Readonly<Record<string, unknown>>): Settings['embedding'] {
  return parseSettings(
    JSON.stringify({
      corpus: { files: ['a'] },
      benchmarks: [{ name: 'b', files: ['b'] }],
      embedding: { device: 'cpu', maxTokens: 64, ...settings },
    }),
    '',
  ).embedding;
}
