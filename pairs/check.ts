// `betr pairs check`: reads files of preference pairs, writes the usable pairs to pairs.parquet, and describes them.

import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ListedFile } from '../data/documents.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { commitSealedJson } from '../data/files/commit.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { openQuarantine, type Quarantine } from '../data/files/quarantine.ts';
import { listRowFiles } from '../data/rows/rows.ts';
import { fail } from '../run/errors/errors.ts';
import type { PairsSettings } from '../run/pair-settings.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import type { Checked, PairsCard } from './card.ts';
import { type PairReader, readFiles } from './reading/read-files.ts';
import { openPairs, pairFiles, pairSettings } from './set.ts';
import { describePairs } from './statistics.ts';
import { openPairWriter, type Parts, joinParts } from './write-table.ts';

/** Raised when the same files would give other pairs. */
const readingVersion = 1;

/**
 * Reads a set of the settings and writes its files in the run folder; does nothing if they are up to date. Errors:
 * PAIRS_UNKNOWN, PAIRS_NONE, PAIRS_FIELD_MISSING; those of listing, reading and writing files.
 */
export async function checkSet(run: Run, name: string, report: Report): Promise<PairsCard> {
  const settings = pairSettings(run, name);
  const files = pairFiles(run, name);
  const listed = await listRowFiles(settings.files, run.settingsFolder);
  const hashes = new Map<string, string>();
  for (const { path } of listed) hashes.set(path, await sha256File(path));
  const inputs = fingerprint({
    version: readingVersion,
    settings,
    files: listed.map(({ name: file, path }) => [file, hashes.get(path)]),
  });
  const known = await openPairs(run, name).catch(() => undefined);
  if (known?.card.inputs === inputs) return known.card;

  // Without its card, an old table is never taken for the new one.
  await rm(files.card, { force: true });
  const quarantine = openQuarantine(files.quarantine);
  try {
    return await withSpillingDuckDb(run.files.spill, async (connection) => {
      const { reader, parts, checked } = await readPairs(connection, listed, settings, {
        name: `Set "${name}"`,
        folder: files.parts,
        quarantine,
        report,
      });
      const card: PairsCard = {
        version: 1,
        name,
        inputs,
        files: reader.files.map(({ file, rows }) => ({
          path: file.name,
          sha256: hashes.get(file.path) ?? '',
          rows,
        })),
        pairs: reader.pairs,
        logProbabilities: parts.numbers,
        table: await joinParts(connection, parts, files.table),
        checked,
      };
      await commitSealedJson(files.card, card);
      return card;
    });
  } finally {
    await quarantine.close();
    await rm(files.parts, { recursive: true, force: true });
  }
}

export interface ReadOptions {
  /** The set, for messages. */
  name: string;
  /** For the parts, which the caller removes. */
  folder: string;
  quarantine: Quarantine;
  report: Report;
}

/** Reads the pairs of files and describes them. Errors: PAIRS_NONE, PAIRS_FIELD_MISSING; those of reading. */
export async function readPairs(
  connection: DuckDBConnection,
  files: readonly ListedFile[],
  settings: PairsSettings,
  { name, folder, quarantine, report }: ReadOptions,
): Promise<{ reader: PairReader; parts: Parts; checked: Checked }> {
  const writer = await openPairWriter(connection, folder);
  const reader = await readFiles(files, settings, quarantine, async (pair) => {
    await writer.add(pair);
    if (pair.pair % 1000 === 0) report({ stage: 'read pairs', done: pair.pair, unit: 'pairs' });
  });
  const { rows, reasons, found } = reader;
  if (reader.pairs === 0)
    throw fail('PAIRS_NONE', {
      name,
      rows,
      reasons: reasons.map(({ reason, rows: bad, first }) => `${bad} rows, first ${first}: ${reason}`),
      found: [...found],
    });
  const parts = await writer.end();
  report({ stage: 'describe pairs', done: 0, unit: 'pairs' });
  const { quarantined, shapes, shown } = reader;
  return {
    reader,
    parts,
    checked: {
      rows,
      quarantined,
      reasons,
      shapes,
      shown,
      tests: null,
      ...(await describePairs(connection, parts.table)),
    },
  };
}
