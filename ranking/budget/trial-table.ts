// Reads the training runs of a calibration: CSV with a header (flops, keep, and loss or accuracy), or JSON.

import { z } from 'zod';
import { parseCells } from '../../data/rows/csv.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { allowedBy, describeIssues } from '../../run/issues.ts';
import { parseBudget, parseNumber, parseShare } from '../../run/amounts.ts';
import { type Trial, trialSchema } from './calibrate.ts';

/**
 * Servers parse the runs of a calibration between two requests, which takes some milliseconds for this many.
 */
export const mostTrials = 1000;
const trials = z.array(trialSchema).max(mostTrials);
const measures = ['loss', 'accuracy'] as const;

/** Reads runs from CSV. Errors: BODY_INVALID, BUDGET_INVALID, OPTION_INVALID. */
export function parseTrialsCsv(text: string): Trial[] {
  const [columns = [], ...rows] = readCells(text);
  const measure = measures.find((name) => columns.includes(name));
  if (
    columns.length !== 3 ||
    !columns.includes('flops') ||
    !columns.includes('keep') ||
    measure === undefined
  ) {
    throw fail('BODY_INVALID', {
      problems: [
        `the first line is "${columns.join(',').slice(0, 200)}", but it must name the columns ` +
          'flops,keep,loss or flops,keep,accuracy',
      ],
    });
  }
  const read = (values: string[], index: number): Trial => {
    const value = (name: string): string => values[columns.indexOf(name)] ?? '';
    const given = value(measure);
    const result = parseNumber(given);
    if (values.length !== 3 || result === undefined)
      throw fail('BODY_INVALID', {
        problems: [
          `row ${index + 1} is "${values.join(',').slice(0, 200)}", but it must be three numbers, none above 1e30`,
        ],
      });
    return { flops: parseBudget(value('flops')), keep: parseShare('keep', value('keep')), [measure]: result };
  };
  return checkTrials(rows.map(read));
}

function readCells(text: string): string[][] {
  try {
    return parseCells(text)
      .map((row) => row.map((cell) => cell.trim()))
      .filter((row) => row.some((cell) => cell !== ''));
  } catch (error) {
    throw fail('BODY_INVALID', { problems: [`it is not CSV: ${reasonOf(error)}`] }, error);
  }
}

/** Reads runs from parsed JSON: a list of runs, or an object whose "runs" is one. Errors: BODY_INVALID. */
export function checkTrials(value: unknown): Trial[] {
  const list = typeof value === 'object' && value !== null && 'runs' in value ? value.runs : value;
  const result = trials.safeParse(list, { error: allowedBy });
  if (result.success) return result.data;
  throw fail('BODY_INVALID', { problems: describeIssues(result.error.issues, list, 'runs') });
}

/** Reads the text of a file of runs, CSV or JSON. Errors: those of both. */
export function parseTrials(text: string): Trial[] {
  if (!/^\s*[[{]/.test(text)) return parseTrialsCsv(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('BODY_INVALID', { problems: [`it is not JSON: ${reasonOf(error)}`] }, error);
  }
  return checkTrials(value);
}
