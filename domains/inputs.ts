// The fingerprint of everything that domain weights depend on, and whether the results on disk still match
// it.

import { resolve } from 'node:path';
import { listShards } from '../data/shards.ts';
import { fingerprint, type Run } from '../run/run.ts';
import type { DomainSettings } from '../run/domain-settings.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { readError } from '../run/errors/errors.ts';
import { z } from 'zod';
import { readNote } from '../data/duckdb/run-files.ts';
import { readTokenRates } from '../indexer/sample/tokens.ts';

/**
 * Everything the result depends on: tables by content; pages by name, size and modification time, like
 * corpus files.
 */
export async function fingerprintInputs(settings: DomainSettings, folder: string, run: Run): Promise<string> {
  const { losses, errors, tokens, families, pages } = settings;
  const hash = async (name: string | undefined): Promise<string | null> =>
    name === undefined ? null : await hashTable(resolve(folder, name));
  const shards = pages === undefined ? [] : await listShards(pages, folder);
  return fingerprint({
    tables: [await hash(losses), await hash(errors), await hash(tokens), await hash(families)],
    pages: shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]),
    fields: pages === undefined ? null : run.settings.corpus.fields,
    settings: { ...settings, losses: '', errors: '', tokens: '', families: '' },
  });
}

async function hashTable(path: string): Promise<string> {
  try {
    return await sha256File(path);
  } catch (error) {
    throw readError(error, path, 'The table');
  }
}

const pagesNote = z.object({ pages: z.string() });

/** Whether the sample and the targets still come from these pages. */
export async function hasPages(run: Run, from: string): Promise<boolean> {
  const [sample, targets] = [
    await readNote(run.files.sample, pagesNote),
    await readNote(run.files.targets, pagesNote),
  ];
  return sample?.pages === from && targets?.pages === from && (await readTokenRates(run)).sample === from;
}
