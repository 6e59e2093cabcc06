// The table of a user's own runs, from which fitCapacity finds how many pairs to keep: CSV with a header, or a JSON
// list of objects; one row for each trained model.

import { parseCells } from '../data/rows/csv.ts';
import { formatAmount, parseAmount, parseCount, parseShare } from '../run/amounts.ts';
import { BetrError, fail, readError, reasonOf } from '../run/errors/errors.ts';
import { readRegular } from '../run/regular-file.ts';
import { z } from 'zod';
import type { CapacityRun } from './capacity.ts';

const columns = ['run', 'keep', 'win_rate', 'n'] as const;
const cell = z.union([z.string(), z.number().transform(String)]);
const tableSchema = z.array(z.record(z.string(), cell)).min(1).max(10_000);

/** Reads a file of runs. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, PAIRS_RUNS. */
export async function readRuns(path: string): Promise<CapacityRun[]> {
  const text = await readRegular(path, 'utf8').catch((error: unknown) => {
    throw readError(error, path, 'The table of runs');
  });
  try {
    return parseRuns(text);
  } catch (error) {
    const problem = error instanceof BetrError ? error.message.replace(/\.$/, '') : reasonOf(error);
    throw fail('PAIRS_RUNS', { path, problem }, error);
  }
}

/** Runs from the text of a table. Throws with what is wrong. */
export function parseRuns(text: string): CapacityRun[] {
  const rows = /^\s*[[{]/.test(text) ? parseJson(text) : parseCsv(text);
  const runs = new Map<string, CapacityRun>();
  for (const [index, row] of rows.entries()) {
    const missing = columns.find((column) => (row[column] ?? '') === '');
    if (missing !== undefined) throw new Error(`row ${index + 1} has no ${missing}`);
    const { run: name = '', keep = '', win_rate: winRate = '', n = '', params = '' } = row;
    const run: CapacityRun = runs.get(name) ?? {
      run: name,
      points: [],
      ...(params === '' ? {} : { params: parseAmount('params', params) }),
    };
    if (params !== '' && run.params !== parseAmount('params', params))
      throw new Error(`run "${name}" has models of different sizes; a run is one size at several shares`);
    run.points.push({
      keep: parseShare('keep', keep),
      // A win rate of 0 is possible, but not a share of 0 for parseShare.
      winRate: Number(winRate) === 0 ? 0 : parseShare('win_rate', winRate),
      n: parseCount('n', n, '805'),
    });
    runs.set(name, run);
  }
  return [...runs.values()];
}

function parseCsv(text: string): Record<string, string>[] {
  const [header = [], ...records] = parseCells(text)
    .map((record) => record.map((value) => value.trim()))
    .filter((record) => record.some((value) => value !== ''));
  if (records.length === 0) throw new Error('it has no row');
  return records.map((record) =>
    Object.fromEntries(header.map((column, at) => [column.toLowerCase(), record[at] ?? ''])),
  );
}

function parseJson(text: string): Record<string, string>[] {
  const value: unknown = JSON.parse(text);
  const parsed = tableSchema.safeParse(value);
  if (!parsed.success) throw new Error('its JSON is not a list of objects with numbers and strings');
  return parsed.data;
}

/**
 * The runs of models of one size; all runs if none says its size. Errors: PAIRS_RUNS_SIZE.
 */
export function runsOfSize(runs: readonly CapacityRun[], params: number): readonly CapacityRun[] {
  const sized = runs.filter((run) => run.params !== undefined);
  if (sized.length === 0) return runs;
  const found = sized.filter((run) => run.params === params);
  if (found.length > 0) return found;
  const sizes = [...new Set(sized.flatMap((run) => run.params ?? []))].sort((a, b) => a - b);
  throw fail('PAIRS_RUNS_SIZE', { params: formatAmount(params), known: sizes.map(formatAmount) });
}
