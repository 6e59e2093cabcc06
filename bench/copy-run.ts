// Copies a trained run without its ranking, for a benchmark to rank.

import { cp, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { openRun } from '../run/run.ts';
import type { Settings } from '../run/settings.ts';

/**
 * Copies what `betr rank` needs into `folder`/run, and writes settings beside it: the run's own, or with
 * another corpus. Returns the settings' path.
 */
export async function copyTrainedRun(
  config: string,
  folder: string,
  corpus?: Pick<Settings['corpus'], 'files' | 'fields'>,
): Promise<string> {
  const trained = await openRun(config);
  const { files } = trained;
  for (const file of [
    files.examples,
    files.sample,
    files.tokens,
    files.targets,
    files.indexCard,
    dirname(files.card),
  ]) {
    await cp(file, file.replace(trained.folder, join(folder, 'run')), { recursive: true });
  }
  const absolute = (pattern: string): string =>
    /^[a-z0-9]+:\/\//.test(pattern) ? pattern : resolve(trained.settingsFolder, pattern);
  const settings = {
    ...trained.settings,
    run: 'run',
    corpus: {
      ...trained.settings.corpus,
      ...(corpus ?? { files: trained.settings.corpus.files.map(absolute) }),
    },
  };
  const path = join(folder, 'betr.yaml');
  await writeFile(path, stringify(settings));
  return path;
}
