// Checks the documents without a score in parts against the cards, by source and reason.

import { join } from 'node:path';
import { z } from 'zod';
import type { ListedPart, Unknown } from '../../scoring/part.ts';
import { openSums } from '../../scoring/sums.ts';
import { parquetSource } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';
import { type AddProblem, count } from './problems.ts';

const groupRow = z.object({
  source: z.string(),
  reason: z.string().nullable(),
  documents: count,
  tokens: count,
});

/** Checks parts that list documents without a score; `listed` has the counts of each card by the part's file. */
export async function verifyUnknown(
  run: Run,
  parts: readonly ListedPart[],
  listed: ReadonlyMap<string, Unknown>,
  addProblem: AddProblem,
): Promise<void> {
  const some = parts.filter(({ file }) => listed.has(file));
  if (some.length === 0) return;
  await withRunDatabase(run, async (connection) => {
    for (const { file } of some) {
      const sql =
        'SELECT source, unknown AS reason, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens ' +
        `FROM ${parquetSource(join(run.files.scores, file))} ` +
        'WHERE score IS NULL OR unknown IS NOT NULL GROUP BY ALL';
      try {
        const found = openSums();
        for (const { source, reason, documents, tokens } of await queryRows(connection, sql, groupRow))
          found.countUnknown(source, reason ?? '', documents, tokens);
        if (JSON.stringify(found.result().unknown) !== JSON.stringify(listed.get(file)))
          addProblem(
            `${file}: the documents without a score do not have the sources and reasons that its card counts`,
          );
      } catch (error) {
        addProblem(`${file} cannot be read: ${reasonOf(error)}. Remove it and run "betr rank".`);
      }
    }
  });
}
