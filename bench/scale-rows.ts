// Part of bench/scale.ts: on a synthetic ranking, an exact cutoff and the percentiles of one benchmark, next to one
// exact quantile of the scores in DuckDB.

import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withDuckDb } from '../data/duckdb/duckdb.ts';
import { openRun } from '../run/run.ts';
import { combineScores } from '../ranking/order/combine.ts';
import { findCutoff } from '../ranking/cutoff.ts';
import { readRanking } from '../ranking/generation.ts';
import { scoresTable } from '../ranking/scores.ts';
import { peakMegabytes, round } from './machine.ts';

/** CPU seconds of each, and peak memory, on a synthetic ranking in `folder`. */
export async function measureRows(folder: string, rows: number) {
  const own = join(folder, `rows-${rows}`);
  execFileSync(
    process.execPath,
    [
      join(import.meta.dirname, 'synthetic-ranking.js'),
      '--out',
      own,
      '--documents',
      String(rows),
      '--benchmarks',
      '4',
      '--unprepared',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const run = await openRun(join(own, 'betr.yaml'));
  const ranking = await readRanking(run);
  const cpuOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return round((user + system) / 1e6);
  };
  const quantile = (): Promise<unknown> =>
    withDuckDb({ memoryMb: 1024, spill: own }, (connection) =>
      connection.run(`SELECT quantile_disc(score, 0.9) FROM ${scoresTable(run, ranking)}`),
    );
  await quantile();
  const quantileCpuSeconds = await cpuOf(quantile);
  const cutoffCpuSeconds = await cpuOf(() => findCutoff(run, ranking, 0.1));
  const retargetCpuSeconds = await cpuOf(() => combineScores(run, ranking, ['bench0']));
  const residentMb = peakMegabytes();
  await rm(own, { recursive: true });
  return {
    rows,
    cutoffCpuSeconds,
    retargetCpuSeconds,
    quantileCpuSeconds,
    retargetToQuantile: round(retargetCpuSeconds / quantileCpuSeconds),
    residentMb,
  };
}
