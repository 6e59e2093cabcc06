// The files that trained models are measured on, as the worker reads them.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { HeldOutText } from './held-out.ts';
import type { TrialItems } from './items.ts';
import { itemsFile, textsFile, validationFile } from './jobs.ts';
import type { TrialEvaluation } from './plan-file.ts';

/** Writes items and texts into the trial's folder. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeEvaluation(
  folder: string,
  items: TrialItems,
  texts: readonly HeldOutText[],
): Promise<TrialEvaluation> {
  const write = async (file: string, lines: readonly object[]): Promise<TrialEvaluation['items']> => {
    const path = join(folder, file);
    await commitBytes(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return { file, bytes: (await stat(path)).size, sha256: await sha256File(path) };
  };
  const writeTexts = (file: string, own: readonly HeldOutText[]): Promise<TrialEvaluation['items']> =>
    write(
      file,
      own.map(({ shard, row, source, text }) => ({ id: `${shard}#${row}`, set: source, text })),
    );
  const measured = texts.filter(({ isValidation }) => !isValidation);
  const sources = [...new Set(measured.map(({ source }) => source))].sort();
  return {
    items: await write(itemsFile, items.lines),
    texts: await writeTexts(textsFile, measured),
    validation: await writeTexts(
      validationFile,
      texts.filter(({ isValidation }) => isValidation),
    ),
    benchmarks: items.benchmarks,
    untested: items.untested,
    sources: sources.map((source) => ({
      source,
      texts: measured.filter((text) => text.source === source).length,
    })),
  };
}
