// Whether the index and the classifier still match the settings. Ranking uses them anyway, so a cron job
// would not notice without these messages.

import { isDeepStrictEqual } from 'node:util';
import { BetrError } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { type IndexCard, readIndexCard } from '../indexer/index-card.ts';
import { type IndexInputs, readInputs } from '../indexer/inputs.ts';
import { readCard } from './classifier-card.ts';

/** New shards do not count: the existing classifier ranks them. */
const parts: [part: keyof IndexCard['inputs'] & keyof IndexInputs, name: string][] = [
  ['examples', 'benchmarks'],
  ['tests', 'tests of benchmarks'],
  ['embedding', 'embedding'],
  ['search', 'search'],
];

/**
 * Messages about steps that used other settings or benchmark files than the current ones. None if a step or
 * its files are missing.
 */
export async function listOutdated(run: Run): Promise<string[]> {
  // Domains write their own targets.
  if (run.settings.domains !== undefined) return [];
  try {
    const [index, card, now] = [await readIndexCard(run), await readCard(run), await readInputs(run)];
    const changed = parts.filter(([part]) => index.inputs[part] !== now[part]).map(([, name]) => name);
    if (changed.length > 0)
      return [
        `the index and the classifier were made with different settings or files (${changed.join(', ')}): betr run`,
      ];
    if (!isDeepStrictEqual(card.inputs.settings, run.settings.classifier))
      return ['the classifier was trained with different settings: betr train'];
    return card.inputs.targets === index.outputs.targets
      ? []
      : ['the classifier was trained on a different index: betr train'];
  } catch (error) {
    if (error instanceof BetrError) return [];
    throw error;
  }
}
