// Tables for tests: a temporary folder, and the same numbers as a wide, long or by-model CSV, or as Parquet.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { domainSettingsSchema } from '../../run/domain-settings.ts';
import { estimateDomains, type Found } from '../../domains/domains.ts';

export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-domains-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Writes the files and estimates. `settings` are as in `betr.yaml`; losses.csv and errors.csv are the
 * defaults.
 */
export async function estimateFiles(
  files: Record<string, string | Uint8Array>,
  settings: Record<string, unknown> = {},
): Promise<Found> {
  return withFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) await writeTable(join(folder, name), text);
    return estimateDomains(
      domainSettingsSchema.parse({ losses: 'losses.csv', errors: 'errors.csv', ...settings }),
      { folder, threads: 1 },
      silent,
    );
  });
}

/** Writes CSV; if the name ends in .parquet, DuckDB converts it to Parquet and infers the types. */
export async function writeTable(path: string, text: string | Uint8Array): Promise<void> {
  if (!path.endsWith('.parquet')) return writeFile(path, text);
  await writeFile(`${path}.csv`, text);
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      `COPY (FROM read_csv(${sqlString(`${path}.csv`)})) TO ${sqlString(path)} (FORMAT parquet)`,
    ),
  );
}

export const cell = (text: string | number): string =>
  /[",\n]/.test(String(text)) ? `"${String(text).replaceAll('"', '""')}"` : String(text);

export const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((row) => `${row.map(cell).join(',')}\n`).join('');

/** The golden example: five models, four domains. */
export const golden = {
  models: ['m1', 'm2', 'm3', 'm4', 'm5'],
  domains: ['d1', 'd2', 'd3', 'd4'],
  losses: [
    [0.8, 1.2, 0.9, 1.5],
    [0.9, 1.1, 1.3, 1.4],
    [1.0, 1.6, 0.7, 1.3],
    [1.3, 1.0, 1.1, 1.2],
    [1.1, 1.4, 1.2, 1.1],
  ],
  errors: [0.3, 0.35, 0.5, 0.7, 0.6],
  tokens: [400, 300, 200, 100],
};

const { models, domains, losses, errors, tokens } = golden;
const at = (model: number, domain: number): number => losses[model]?.[domain] ?? Number.NaN;

export const goldenTables = {
  wide: csv([
    ['domain', ...models],
    ...domains.map((domain, d) => [domain, ...models.map((_, m) => at(m, d))]),
  ]),
  long: csv([
    ['bpb', 'model', 'domain'],
    ...domains.flatMap((domain, d) => models.map((model, m) => [at(m, d), model, domain])),
  ]),
  byModel: csv([
    ['model', ...domains],
    ...models.map((model, m) => [model, ...domains.map((_, d) => at(m, d))]),
  ]),
  errors: csv([
    ['benchmark', ...models],
    ['task', ...errors],
  ]),
  errorsLong: csv([
    ['model', 'benchmark', 'error'],
    ...models.map((model, m) => [model, 'task', errors[m] ?? Number.NaN]),
  ]),
  errorsByModel: csv([['model', 'task'], ...models.map((model, m) => [model, errors[m] ?? Number.NaN])]),
  tokens: csv([['domain', 'tokens'], ...domains.map((domain, d) => [domain, tokens[d] ?? Number.NaN])]),
};
