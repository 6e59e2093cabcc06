// `domains.parquet`: every domain with its estimate and weight, best first, and a note on how they were
// computed.

import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { BOOLEAN, DOUBLE, VARCHAR } from '../data/duckdb/library.ts';
import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { parquetSource, withDuckDb } from '../data/duckdb/duckdb.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { fail, reasonOf } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { domainSettingsSchema } from '../run/domain-settings.ts';
import { appendColumns, readNote, withSpillingDuckDb, writeParquet } from '../data/duckdb/run-files.ts';

export const domainSchema = z.strictObject({
  domain: z.string(),
  tokens: z.number().positive(),
  /** Higher means that lower losses on the domain go with lower errors. */
  estimate: z.number(),
  /** Bounds of the middle 95% of resamples of the models; null without resamples. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Share of the resamples in which the weight is above 0; null without resamples. */
  chosen: z.number().nullable(),
  /** Share of the kept tokens; all weights sum to 1. */
  weight: z.number().nonnegative(),
  /** weight > 0. */
  include: z.boolean(),
});
export type Domain = z.output<typeof domainSchema>;

export const domainsNoteSchema = z.strictObject({
  version: z.literal(1),
  estimator: domainSettingsSchema.shape.estimator.unwrap(),
  /** Target benchmarks. */
  target: z.array(z.string()),
  models: count,
  /** Models in only one of the tables, or without an error on every target benchmark. */
  modelsLeftOut: count,
  /** Domains estimated and weighted, and domains left out because they lack a model's loss. */
  ofDomains: count,
  domainsLeftOut: count,
  /** Where the token counts come from. */
  tokensFrom: z.enum(['tokens table', 'losses table', 'none: all alike']),
  resamples: count,
  families: z.array(
    z.strictObject({ family: z.string(), models: count, moved: z.number(), largestChange: z.number() }),
  ),
  prediction: z
    .strictObject({
      folds: count,
      domains: count,
      permutations: count,
      rSquared: z.number(),
      meanLoss: z.number(),
      permutedMean: z.number(),
      permutedHigh: z.number(),
    })
    .nullable(),
  pages: z
    .strictObject({
      documents: count,
      included: count,
      unmatched: count,
      duplicates: count,
      quarantined: count,
    })
    .nullable(),
  warnings: z.array(z.string()),
  settings: domainSettingsSchema,
  /** Fingerprint of the tables and settings. */
  from: z.string(),
});
export type DomainsNote = z.output<typeof domainsNoteSchema>;

export const domainWeightsSchema = domainsNoteSchema
  .omit({ version: true, from: true })
  .extend({ domains: z.array(domainSchema) });
export type DomainWeights = z.output<typeof domainWeightsSchema>;

const columns: readonly [keyof Domain, DuckDBType][] = [
  ['domain', VARCHAR],
  ['tokens', DOUBLE],
  ['estimate', DOUBLE],
  ['low', DOUBLE],
  ['high', DOUBLE],
  ['chosen', DOUBLE],
  ['weight', DOUBLE],
  ['include', BOOLEAN],
];

/** Writes the run's domains.parquet. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeDomains(run: Run, note: DomainsNote, domains: readonly Domain[]): Promise<void> {
  await withSpillingDuckDb(run.files.spill, async (connection) => {
    await connection.run(
      `CREATE TABLE domains (${columns.map(([name, type]) => `${name} ${type.toString()}`).join(', ')})`,
    );
    const appender = await connection.createAppender('domains');
    const valuesAt = (column: number, from: number, to: number): DuckDBValue[] =>
      domains.slice(from, to).map((domain) => domain[columns[column]?.[0] ?? 'domain']);
    appendColumns(
      appender,
      columns.map(([, type]) => type),
      domains.length,
      valuesAt,
    );
    appender.closeSync();
    await writeParquet(connection, 'SELECT * FROM domains', run.files.domains, note);
  });
}

/** The note of the run's domains.parquet; undefined if there is none or its version differs. */
export async function readDomainsNote(run: Run): Promise<DomainsNote | undefined> {
  return readNote(run.files.domains, domainsNoteSchema);
}

/** Reads the domain weights: the best `most` domains, or all. Errors: STEP_MISSING, FILE_DAMAGED. */
export async function readDomains(run: Run, most = Infinity): Promise<DomainWeights> {
  const note = await readDomainsNote(run);
  if (note === undefined)
    throw fail('STEP_MISSING', { need: 'table of domain weights', command: 'betr domains' });
  return withoutMarks(note, await readRows(run, most));
}

/** The public part of a result, without fields that only this file needs. */
export function withoutMarks(note: DomainsNote, domains: Domain[]): DomainWeights {
  return { ...shown.parse(note), domains };
}

const shown = domainsNoteSchema.omit({ version: true, from: true }).strip();

async function readRows(run: Run, most: number): Promise<Domain[]> {
  // Readers hold no lock on the run, so nothing may spill into it.
  return withDuckDb({ threads: 1, memoryMb: 512 }, async (connection) => {
    try {
      const rows: Domain[] = [];
      const names = columns.map(([name]) => name);
      const sql =
        `SELECT ${names.join(', ')} ` +
        `FROM ${parquetSource(run.files.domains)}${Number.isFinite(most) ? ` LIMIT ${most}` : ''}`;
      for await (const chunk of streamChunks(connection, sql))
        rows.push(...domainSchema.array().parse(chunk.getRowObjects(names)));
      return rows;
    } catch (error) {
      throw fail(
        'FILE_DAMAGED',
        { path: run.files.domains, reason: reasonOf(error), command: 'betr domains' },
        error,
      );
    }
  });
}
