// A run: its settings, its folder, and the names of the files in it (the tree is in the README).

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readSettings, type Settings } from './settings.ts';
import { writeError } from './errors/errors.ts';
import { limitZstdWindow } from './zstd-window.ts';

export interface Run {
  settings: Settings;
  /** Absolute path of the settings file, and of the folder its relative paths start from. */
  settingsPath: string;
  settingsFolder: string;
  folder: string;
  /** Which ranking of the run is meant: '' its own, else the name of a folder in rankings/ (`rankingOf`). */
  ranking: string;
  files: RunFiles;
  /** Queries of this run reach nothing but its folder, whatever they say: a server's run. */
  confined?: true;
}

export interface RunFiles {
  examples: string;
  sample: string;
  tokens: string;
  vectors: string;
  index: string;
  indexCard: string;
  targets: string;
  domains: string;
  weights: string;
  card: string;
  /** What scores the corpus, in a ranking that is not the run's own. */
  scorer: string;
  /** Where scoring stands: what is to be scored, who is at it, and what is published (docs/batch.md). */
  plan: string;
  leases: string;
  manifest: string;
  scores: string;
  ranking: string;
  leaks: string;
  leakTable: string;
  leakParts: string;
  drift: string;
  prediction: string;
  /** Folder of what `betr evaluate` found. */
  evaluation: string;
  quarantine: string;
  lock: string;
}

/** Opens the run of a settings file; makes its folder, and sets what this process may use of memory for a Zstandard window. Errors: those of `readSettings`, WRITE_FAILED, DISK_FULL. */
export async function openRun(settingsPath: string): Promise<Run> {
  const { path, folder: settingsFolder, settings } = await readSettings(settingsPath);
  limitZstdWindow(settings.corpus.windowMegabytes);
  const folder = resolve(settingsFolder, settings.run);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw writeError(error, folder);
  }
  return { settings, settingsPath: path, settingsFolder, folder, ranking: '', files: runFiles(folder) };
}

/** The run with another of its rankings: what comes of the sample's scores, from the targets on, lies in rankings/NAME/; the rest stays the run's. */
export function rankingOf(run: Run, name: string): Run {
  if (name === run.ranking) return run;
  const own = runFiles(join(run.folder, 'rankings', name));
  const { targets, weights, card, scorer, plan, leases, manifest, scores, ranking, drift, prediction, quarantine } = own;
  return { ...run, ranking: name, files: { ...run.files, targets, weights, card, scorer, plan, leases, manifest, scores, ranking, drift, prediction, quarantine } };
}

function runFiles(folder: string): RunFiles {
  const file = (...parts: string[]): string => join(folder, ...parts);
  return {
    examples: file('examples.parquet'),
    sample: file('sample.parquet'),
    tokens: file('tokens.json'),
    vectors: file('vectors'),
    index: file('index.hnsw'),
    indexCard: file('index.json'),
    targets: file('targets.parquet'),
    domains: file('domains.parquet'),
    weights: file('classifier', 'weights.bin'),
    card: file('classifier', 'card.json'),
    scorer: file('scorer.json'),
    plan: file('plan.json'),
    leases: file('leases'),
    manifest: file('manifest'),
    scores: file('scores'),
    ranking: file('ranking.json'),
    leaks: file('leaks.json'),
    leakTable: file('leaks.parquet'),
    leakParts: file('leaks'),
    drift: file('drift.json'),
    prediction: file('prediction.json'),
    evaluation: file('evaluation'),
    quarantine: file('quarantine'),
    lock: file('lock'),
  };
}

/** A short name for what a step's result depends on: SHA-256 over JSON with sorted keys, as hex. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
