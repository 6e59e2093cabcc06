// Every file and folder that a run makes in its folder, each listed once; docs/run-folder.md says what they
// hold. No other module joins the run's folder with a name (eslint.config.js).

import { join } from 'node:path';

/** What every ranking of a run has: its own ranking in the run's folder, any other in rankings/NAME/. */
const rankingNames = {
  targets: 'targets.parquet',
  weights: 'classifier/weights.bin',
  card: 'classifier/card.json',
  /** What scores the corpus, in a ranking other than the run's own. */
  scorer: 'scorer.json',
  plan: 'plan.json',
  leases: 'leases',
  manifest: 'manifest',
  scores: 'scores',
  ranking: 'ranking.json',
  holds: 'holds',
  drift: 'drift.json',
  prediction: 'prediction.json',
  quarantine: 'quarantine',
} as const;

/** What a run has once, whatever its rankings. */
const sharedNames = {
  examples: 'examples.parquet',
  sample: 'sample.parquet',
  tokens: 'tokens.json',
  vectors: 'vectors',
  index: 'index.hnsw',
  nextIndex: 'index-next',
  indexCard: 'index.json',
  domains: 'domains.parquet',
  leaks: 'leaks.json',
  leakTable: 'leaks.parquet',
  leakParts: 'leaks',
  evaluation: 'evaluation',
  calibrations: 'calibrations',
  rankings: 'rankings',
  /** What a server prepares for quick answers; the files are named by the generation. */
  keyOrders: 'keys',
  orders: 'order',
  ranks: 'ranks',
  retargeted: 'retargeted',
  jobs: 'jobs',
  apiKeys: 'keys.json',
  slurm: 'slurm',
  lock: 'lock',
  /**
   * What the step that holds the lock puts on disk. The name is fixed, so that the next step clears what a
   * killed one left.
   */
  spill: 'index-spill',
  fasttextBench: 'bench-fasttext',
} as const;

type RankingFiles = Record<keyof typeof rankingNames, string>;

/** The absolute path of each. */
export type RunFiles = RankingFiles & Record<keyof typeof sharedNames, string>;

/**
 * What a query outside the lock puts on disk: the beginning of the name of a folder that each process makes
 * for itself.
 */
export const spillPrefix = 'spill-';

/** The files of a run, and of one of its rankings: '' its own, else the name of a folder in rankings/. */
export function runFiles(folder: string, ranking = ''): RunFiles {
  const shared = pathsIn(folder, sharedNames);
  return { ...shared, ...pathsIn(ranking === '' ? folder : join(shared.rankings, ranking), rankingNames) };
}

function pathsIn<K extends string>(folder: string, names: Readonly<Record<K, string>>): Record<K, string>;
function pathsIn(folder: string, names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(folder, name)]));
}
