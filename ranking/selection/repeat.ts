// How many times to repeat each kept document in training: nested slices, best first, each with its number of
// epochs. The last slice is the cutoff; a document belongs to the first slice that keeps it.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { fail } from '../../run/errors/errors.ts';
import { parseScore, parseShare, parseWhole } from '../../run/amounts.ts';
import type { Run } from '../../run/run.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { asksForCutoff, type Question } from '../budget/question.ts';
import { type Cut, keptCondition } from '../cutoff.ts';
import type { Ranking } from '../generation.ts';
import { type CutPoint, findCutoffAt } from '../score-cutoffs.ts';
import { withScores } from '../scores.ts';

/** The column, or field, that says how many times to repeat a document. */
export const repeatColumn = 'repeat';

const mostSlices = 20;
const mostTimes = 1000;

/** The documents from a share or score up that no slice before it has, and how many times to repeat each. */
export type Slice = CutPoint & { times: number };

const amounts = { times: count, documents: count, tokens: count };

export const repeatSchema = z.strictObject({
  /** Best first; of the written documents, those of each slice that no slice before it has. */
  slices: z.array(
    z.union([
      z.strictObject({ score: z.number(), ...amounts }),
      z.strictObject({ share: z.number(), ...amounts }),
    ]),
  ),
  /** Documents and tokens seen in all, each document counted as often as it is repeated. */
  documentsSeen: count,
  tokensSeen: count,
});
export type Repeat = z.output<typeof repeatSchema>;

/**
 * Reads slices: "0.75:3,0.6:1" are scores, "3%:3,10%:1" shares of the tokens. Errors: OPTION_INVALID.
 */
export function parseSlices(option: string, text: string): Slice[] {
  const slices = text.split(',').map((part): Slice => {
    const [, at, times] = /^([^:]+):(\d+)$/.exec(part.trim()) ?? [];
    if (at === undefined || times === undefined)
      throw fail('OPTION_INVALID', {
        option,
        got: part.slice(0, 100),
        allowed: 'slices with their epochs, best first, such as 0.75:3,0.6:1 (scores) or 3%:3,10%:1 (shares)',
      });
    const epochs = parseWhole(option, times, 1, mostTimes);
    return at.trim().endsWith('%')
      ? { share: parseShare(option, at), times: epochs }
      : { score: parseScore(option, at), times: epochs };
  });
  const wrong = findWrong(slices);
  if (wrong !== undefined) throw fail('OPTION_INVALID', { option, got: text.slice(0, 100), allowed: wrong });
  return slices;
}

/** What slices must be, if these are not. */
function findWrong(slices: readonly Slice[]): string | undefined {
  if (slices.length > mostSlices) return `at most ${mostSlices} slices`;
  const depths = slices.map((slice) => ('share' in slice ? slice.share : -slice.score));
  if (slices.some((slice) => 'share' in slice !== 'share' in (slices[0] ?? {})))
    return 'either scores or shares, not both';
  return depths.every((depth, i) => i === 0 || depth > (depths[i - 1] ?? 0))
    ? undefined
    : 'slices in order, best first: falling scores or growing shares';
}

/**
 * The question whose cutoff is the last slice, with the benchmarks and assumptions of `question`. Errors:
 * USAGE if that asks for a cutoff too.
 */
export function questionOfSlices(question: Question, slices: readonly Slice[]): Question {
  if (asksForCutoff(question))
    throw fail('USAGE', {
      problem:
        'The last slice of --repeat is the cutoff: give no budget, model size, tokens, share or score beside it.',
    });
  const last = slices.at(-1);
  if (last === undefined) throw fail('USAGE', { problem: '--repeat needs at least one slice.' });
  return { ...question, ...('share' in last ? { keep: last.share } : { score: last.score }) };
}

/** Slices as SQL, on the table of scores: the number of a kept document's slice, and its `times`. */
export interface SlicesSql {
  number: string;
  times: string;
}

/** `last` is the cut of the last slice. Errors: those of `findCutoffAt`. */
export async function slicesSql(
  run: Run,
  ranking: Ranking,
  slices: readonly Slice[],
  last: Cut,
): Promise<SlicesSql> {
  const conditions: string[] = [];
  for (const slice of slices.slice(0, -1))
    conditions.push(keptCondition(await findCutoffAt(run, ranking, slice)));
  conditions.push(keptCondition(last));
  const choose = (value: (slice: Slice, number: number) => number): string =>
    `CASE ${slices.map((slice, i) => `WHEN ${conditions[i] ?? 'false'} THEN ${value(slice, i)}`).join(' ')} END`;
  return {
    number: `${choose((_slice, number) => number)}::INTEGER`,
    times: `${choose(({ times }) => times)}::INTEGER`,
  };
}

const sliceRow = z.object({ number: count, documents: count, tokens: count });

/** Counts the documents of each slice that satisfy the SQL condition. Errors: those of `withScores`. */
export async function countRepeats(
  run: Run,
  ranking: Ranking,
  slices: readonly Slice[],
  { number }: SlicesSql,
  condition: string,
): Promise<Repeat> {
  const rows = await withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      `SELECT (${number})::DOUBLE AS number, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens ` +
        `FROM ${table} WHERE ${condition} GROUP BY number`,
      sliceRow,
    ),
  );
  const counted = slices.map((slice, i) => {
    const { documents = 0, tokens = 0 } = rows.find((row) => row.number === i) ?? {};
    return { ...slice, documents, tokens };
  });
  return {
    slices: counted,
    documentsSeen: counted.reduce((sum, { times, documents }) => sum + times * documents, 0),
    tokensSeen: counted.reduce((sum, { times, tokens }) => sum + times * tokens, 0),
  };
}
