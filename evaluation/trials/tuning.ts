// How well models at several learning rates predict the validation texts.

import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { resultFile } from '../../models/trainer/card.ts';
import type { Run } from '../../run/run.ts';
import type { TrialPlan } from './plan-file.ts';

const row = z.strictObject({ bits: z.number() });

/** Bits per byte at the end of each job, the mean over the sources. */
export function readTuning(
  run: Run,
  jobs: readonly { name: string; learningRate: number }[],
): Promise<TrialPlan['tuning']> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const tuning: TrialPlan['tuning'] = [];
    for (const { name, learningRate } of jobs) {
      const table = parquetSource(join(run.files.training, name, resultFile));
      const [found] = await queryRows(
        connection,
        'SELECT avg(bits) AS bits FROM (SELECT sum(bits) / sum(bytes) AS bits ' +
          `FROM ${table} WHERE decayed AND tokens = (SELECT max(tokens) FROM ${table}) GROUP BY "set")`,
        row,
      );
      if (found !== undefined) tuning.push({ learningRate, bits: found.bits });
    }
    return tuning;
  });
}
