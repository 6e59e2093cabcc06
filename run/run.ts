// A run: its settings and its folder.

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type RunFiles, runFiles } from './files.ts';
import type { Settings } from './settings.ts';
import { readSettings } from './read-settings.ts';
import { writeError } from './errors/errors.ts';
import { limitZstdWindow } from './zstd-window.ts';

export interface Run {
  settings: Settings;
  /** Absolute paths of the settings file and of the folder that its relative paths start from. */
  settingsPath: string;
  settingsFolder: string;
  folder: string;
  /**
   * The selected ranking: '' for the run's own, otherwise the name of a folder in rankings/ (`rankingOf`).
   */
  ranking: string;
  /** The scorer of that ranking, as the user names it; only where it was named. */
  scorer?: string;
  files: RunFiles;
  /** Set for a server's run: its queries can access only the run folder. */
  confined?: true;
}

/**
 * Opens the run of a settings file, creates its folder, and sets the largest Zstandard window for this
 * process. Errors: those of `readSettings`, WRITE_FAILED, DISK_FULL.
 */
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

/**
 * The run with another of its rankings, whose files are in rankings/NAME/. `scorer` is that ranking's scorer, as the
 * user names it, for messages.
 */
export function rankingOf(run: Run, name: string, scorer?: string): Run {
  const found = name === run.ranking ? run : { ...run, ranking: name, files: runFiles(run.folder, name) };
  return scorer === undefined ? found : { ...found, scorer };
}

/** The command that makes the selected ranking. */
export function rankCommandOf({ ranking, scorer = 'NAME' }: Run): string {
  return ranking === '' ? 'betr rank' : `betr rank --scorer ${scorer}`;
}

/** A fingerprint of what a step's result depends on: SHA-256 of JSON with sorted keys, as hex. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
