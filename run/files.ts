// Every file and folder in a run folder, each listed once; docs/run-folder.md describes their contents.
// ESLint forbids other modules from building paths in the run folder.

import { join } from 'node:path';

/** Files of every ranking: the run's own ranking is in the run folder, all others are in rankings/NAME/. */
const rankingNames = {
  targets: 'targets.parquet',
  weights: 'classifier/weights.bin',
  card: 'classifier/card.json',
  /** The weights of each fold's model. */
  folds: 'classifier/folds',
  /** The scorer of a ranking other than the run's own. */
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

/** Files that all rankings of a run share. */
const sharedNames = {
  examples: 'examples.parquet',
  sample: 'sample.parquet',
  tokens: 'tokens.json',
  vectors: 'vectors',
  judgments: 'judgments',
  exams: 'exams',
  index: 'index.hnsw',
  nextIndex: 'index-next',
  indexCard: 'index.json',
  domains: 'domains.parquet',
  leaks: 'leaks.json',
  leakTable: 'leaks.parquet',
  leakParts: 'leaks',
  evaluation: 'evaluation',
  audits: 'audits',
  calibrations: 'calibrations',
  rankings: 'rankings',
  /** What a server precomputes for fast answers; the files are named by the generation. */
  keyOrders: 'keys',
  orders: 'order',
  ranks: 'ranks',
  retargeted: 'retargeted',
  jobs: 'jobs',
  /** Training jobs, each in a folder of its own. */
  training: 'training',
  /** Plans, selections and reports of trials. */
  trials: 'trials',
  /** Sets of preference pairs, each in a folder of its own, with their measurements. */
  pairs: 'pairs',
  apiKeys: 'keys.json',
  slurm: 'slurm',
  lock: 'lock',
  /**
   * Spill folder of the step that holds the lock. Its name is fixed so that the next step removes what a
   * killed one left.
   */
  spill: 'index-spill',
  fasttextBench: 'bench-fasttext',
} as const;

type RankingFiles = Record<keyof typeof rankingNames, string>;

/** The absolute path of each file. */
export type RunFiles = RankingFiles & Record<keyof typeof sharedNames, string>;

/** Prefix of the spill folders that queries outside the lock use; each process creates its own. */
export const spillPrefix = 'spill-';

/**
 * The files of a run and one of its rankings: '' for its own, otherwise the name of a folder in rankings/.
 */
export function runFiles(folder: string, ranking = ''): RunFiles {
  const shared = pathsIn(folder, sharedNames);
  return { ...shared, ...pathsIn(ranking === '' ? folder : join(shared.rankings, ranking), rankingNames) };
}

function pathsIn<K extends string>(folder: string, names: Readonly<Record<K, string>>): Record<K, string>;
function pathsIn(folder: string, names: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(folder, name)]));
}
