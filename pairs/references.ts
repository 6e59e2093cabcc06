// Log probabilities of a set's answers under the model that training starts from, where a measurement has them.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlName } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import type { OpenCut } from './answer.ts';
import { pairTable } from './set.ts';

/** SQL with rows of pair, reference_chosen, reference_rejected; undefined if there are none. */
export async function sqlReferences({
  connection,
  set,
  measurement,
}: Pick<OpenCut, 'connection' | 'set' | 'measurement'>): Promise<string | undefined> {
  const measured = parquetSource(measurement.difficulties);
  const own = await columnsOf(connection, measured);
  if (own.includes('ref_chosen_logps') && own.includes('ref_rejected_logps'))
    return sqlColumns(measured, 'ref_chosen_logps', 'ref_rejected_logps');
  const { referenceChosen, referenceRejected } = set.settings.logProbabilities ?? {};
  const given = set.card.logProbabilities;
  if (
    measurement.card.method !== 'columns' ||
    referenceChosen === undefined ||
    referenceRejected === undefined ||
    !given.includes(referenceChosen) ||
    !given.includes(referenceRejected)
  )
    return undefined;
  return sqlColumns(pairTable(set), referenceChosen, referenceRejected);
}

function sqlColumns(table: string, chosen: string, rejected: string): string {
  return `SELECT pair, ${sqlName(chosen)}::DOUBLE AS reference_chosen,
    ${sqlName(rejected)}::DOUBLE AS reference_rejected FROM ${table}`;
}

async function columnsOf(connection: DuckDBConnection, table: string): Promise<string[]> {
  const rows = await queryRows(
    connection,
    `SELECT column_name FROM (DESCRIBE SELECT * FROM ${table})`,
    z.object({ column_name: z.string() }),
  );
  return rows.map(({ column_name: name }) => name);
}
