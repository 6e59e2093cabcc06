// Examples with a wrong answer, to test whether a judge of texts notices: another choice of the row, or the answer
// of another row.

import type { ListedFile } from '../../data/documents.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { readRows } from '../../data/rows/rows.ts';
import type { Row } from '../../run/fields/field-path.ts';
import { answerFields } from './general-fields.ts';
import type { Outcome } from './outcome.ts';
import { openRules, type Rules } from './read.ts';
import { settleAll } from './settle.ts';

export interface AnswerPair {
  right: string;
  wrong: string;
}

/** Rows to look at for an answer that differs. */
const othersTried = 8;

/**
 * The benchmark's examples, each with a copy that has a wrong answer. Rows without an answer to replace are left
 * out. Errors: RECIPE_UNKNOWN, those of `readRows`.
 */
export async function readAnswerPairs(files: readonly ListedFile[], rules: Rules): Promise<AnswerPair[]> {
  const makeText = openRules(rules);
  const rows: Row[] = [];
  for (const file of files)
    for await (const { row } of readRows(file.path, ignoredRows, file.name))
      rows.push(withoutText(row, makeText));
  const outcomes = rows.map((row) => makeText(row));
  return settleAll(outcomes).flatMap((result, at) => {
    if ('reason' in result) return [];
    const outcome = outcomes[at];
    const wrong =
      outcome !== undefined && 'golds' in outcome
        ? withOtherChoice(outcome, result.text)
        : withOtherAnswer(rows, at, makeText, result.text);
    // Then the wrong answer was only added.
    return wrong === undefined || wrong.includes(result.text) ? [] : [{ right: result.text, wrong }];
  });
}

/** The row without its `text`, which repeats the right answer, if its other fields make an example. */
export function withoutText(row: Row, makeText: (row: Row) => Outcome): Row {
  const { text, ...others } = row;
  return text === undefined || 'reason' in makeText(others) ? row : others;
}

/** The text with the first choice that is not the right one. */
function withOtherChoice(
  { choices, finish }: Extract<Outcome, { golds: unknown }>,
  right: string,
): string | undefined {
  for (const choice of choices) {
    if (choice === '') continue;
    const made = finish(choice);
    if ('text' in made && made.text !== right) return made.text;
  }
  return undefined;
}

/** The text with the answers of one of the next rows. */
function withOtherAnswer(
  rows: readonly Row[],
  at: number,
  makeText: (row: Row) => Outcome,
  right: string,
): string | undefined {
  for (let step = 1; step <= Math.min(othersTried, rows.length - 1); step++) {
    const other = rows[(at + step) % rows.length] ?? {};
    const swapped: Record<string, unknown> = { ...rows[at] };
    for (const field of answerFields)
      if (swapped[field] !== undefined && other[field] !== undefined) swapped[field] = other[field];
    const made = makeText(swapped);
    if ('text' in made && made.text !== right) return made.text;
  }
  return undefined;
}
