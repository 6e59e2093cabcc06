// `betr pairs check`: reads files of preference pairs, writes the usable pairs to pairs.parquet, and describes them.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ListedFile } from '../data/documents.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { commitSealedJson, makeTemporaryFolder } from '../data/files/commit.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { ignoredRows, openQuarantine, type Quarantine, withQuarantine } from '../data/files/quarantine.ts';
import { listRowFiles } from '../data/rows/rows.ts';
import { formatCountOf } from '../run/amounts.ts';
import { fail } from '../run/errors/errors.ts';
import { type PairsSettings, pairsSchema } from '../run/pair-settings.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import type { Settings } from '../run/settings.ts';
import type { Checked, PairsCard } from './card.ts';
import { type FilesRead, readFiles } from './reading/read-files.ts';
import { openPairs, pairFiles, pairSettings } from './set.ts';
import { describePairs } from './statistics.ts';
import { openTestSearch, type TestSearch } from './tests.ts';
import { joinParts, openPairWriter, type Parts } from './write-table.ts';

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
  const tests = await withQuarantine(run, 'pairs-tests.jsonl', (bad) =>
    openTestSearch(run.settings, run.settingsFolder, bad),
  );
  const hashes = new Map<string, string>();
  for (const { path } of listed) hashes.set(path, await sha256File(path));
  const inputs = fingerprint({
    version: readingVersion,
    settings,
    tests: tests?.fingerprint,
    files: listed.map(({ name: file, path }) => [file, hashes.get(path)]),
  });
  const known = await openPairs(run, name).catch(() => undefined);
  if (known?.card.inputs === inputs) return known.card;

  // Without its card, an old table is never taken for the new one.
  await rm(files.card, { force: true });
  const quarantine = openQuarantine(files.quarantine);
  try {
    return await withSpillingDuckDb(run.files.spill, async (connection) => {
      const { read, parts, checked } = await readPairs(connection, listed, settings, {
        folder: files.parts,
        quarantine,
        tests,
        report,
      });
      const card: PairsCard = {
        version: 1,
        name,
        inputs,
        files: read.files.map(({ file, rows }) => ({
          path: file.name,
          sha256: hashes.get(file.path) ?? '',
          rows,
        })),
        pairs: read.pairs,
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

/** What `betr pairs check FILE…` finds in files that no settings name. */
export interface FilesChecked {
  name: string;
  files: { path: string; rows: number }[];
  pairs: number;
  checked: Checked;
}

/**
 * Reads files without a run and writes nothing. The settings' benchmarks, if there are any, have the tests to look
 * for. Errors: as `checkSet`.
 */
export async function checkFiles(
  name: string,
  paths: string[],
  known: { settings: Pick<Settings, 'benchmarks'>; folder: string },
  report: Report,
): Promise<FilesChecked> {
  const listed = await listRowFiles(paths, process.cwd());
  const tests = await openTestSearch(known.settings, known.folder, ignoredRows);
  const folder = await makeTemporaryFolder('pairs');
  try {
    return await withSpillingDuckDb(join(folder, 'spill'), async (connection) => {
      const { read, checked } = await readPairs(
        connection,
        listed,
        pairsSchema.parse({ name, files: paths }),
        { folder: join(folder, 'parts'), quarantine: ignoredRows, tests, report },
      );
      return {
        name,
        files: read.files.map(({ file, rows }) => ({ path: file.name, rows })),
        pairs: read.pairs,
        checked,
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ReadOptions {
  /** For the parts, which the caller removes. */
  folder: string;
  quarantine: Quarantine;
  tests: TestSearch | undefined;
  report: Report;
}

const pairsPerReport = 1000;

/** Reads the pairs of files and describes them. Errors: PAIRS_NONE, PAIRS_FIELD_MISSING; those of reading. */
async function readPairs(
  connection: DuckDBConnection,
  files: readonly ListedFile[],
  settings: PairsSettings,
  { folder, quarantine, tests, report }: ReadOptions,
): Promise<{ read: FilesRead; parts: Parts; checked: Checked }> {
  const writer = await openPairWriter(connection, folder);
  const read = await readFiles(files, settings, { quarantine, tests }, async (pair) => {
    await writer.add(pair);
    if (pair.pair % pairsPerReport === 0) report({ stage: 'read pairs', done: pair.pair, unit: 'pairs' });
  });
  const { rows, quarantined, reasons, shapes, shown, found } = read;
  if (read.pairs === 0)
    throw fail('PAIRS_NONE', {
      name: settings.name,
      rows,
      reasons: reasons.map((one) => `${formatCountOf(one.rows, 'row')}, first ${one.first}: ${one.reason}`),
      found,
    });
  const parts = await writer.end();
  report({ stage: 'describe pairs', done: read.pairs, unit: 'pairs' });
  const whole = await describePairs(connection, parts.table);
  return {
    read,
    parts,
    checked: { rows, quarantined, reasons, shapes, shown, tests: tests?.found() ?? null, ...whole },
  };
}
