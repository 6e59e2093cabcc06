// Whether index and classifier are still those that the settings ask for. Ranking goes on with what there is:
// a cron job would not notice by itself.

import { isDeepStrictEqual } from 'node:util';
import { BetrError } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { type IndexCard, readIndexCard } from '../indexer/index-card.ts';
import { type IndexInputs, readInputs } from '../indexer/inputs.ts';
import { readCard } from './classifier-card.ts';

/** Shards that are new do not count: they are ranked by the classifier that there is. */
const parts: [part: keyof IndexCard['inputs'] & keyof IndexInputs, name: string][] = [
  ['examples', 'benchmarks'],
  ['tests', 'tests of benchmarks'],
  ['embedding', 'embedding'],
  ['search', 'search'],
];

/**
 * Sentences on what is of other settings, or other files of benchmarks, than there are now; none where a step
 * is missing, or its files are.
 */
export async function listOutdated(run: Run): Promise<string[]> {
  // Domains make targets of their own.
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
