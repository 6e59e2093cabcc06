// Benchmark rows as questions with their answers, for measuring how likely a language model finds an answer: the text
// of each row, divided into what comes before the answer and the answer itself, with the other choices where a row
// has some.

import type { ListedFile } from '../../data/documents.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readRows } from '../../data/rows/rows.ts';
import { idIn, isRow, type Row } from '../../run/fields/field-path.ts';
import { trimText } from '../../run/fields/field-value.ts';
import { questionText } from './general-question.ts';
import { answerFields } from './general-fields.ts';
import type { Open, Outcome } from './outcome.ts';
import { openRules, type Rules } from './read.ts';
import { settleAll } from './settle.ts';
import { withoutText } from './wrong-answers.ts';

/** A text with its answer: one of several choices, or a single one; `prompt` is '' if the two cannot be told apart. */
export type Answered = { id: string; text: string; prompt: string } & (
  { choices: string[]; answer: number } | { target: string }
);

/** Fields with answers: those that the general rules know, and others of published benchmarks. */
const fields = [...answerFields, 'Correct Answer', 'best_answer', 'Best Answer', 'targets'];

/** A character for private use, in place of the answer while a row is made into a text. */
const mark = '\uE0F1';

/**
 * Reads the rows of a benchmark's files. Rows without a text go to the quarantine, as in `readExampleRows`. Errors:
 * RECIPE_UNKNOWN, those of `readRows`.
 */
export async function readAnswers(
  files: readonly ListedFile[],
  rules: Rules,
  quarantine: Quarantine,
): Promise<Answered[]> {
  const makeText = openRules(rules);
  const rows: { row: Row; id: string; file: string; position: number }[] = [];
  for (const file of files)
    for await (const { position, row } of readRows(file.path, quarantine, file.name))
      rows.push({
        row: withoutRepeat(row, makeText),
        id: idIn(row['id']) ?? `${file.name}#${position}`,
        file: file.name,
        position,
      });
  const outcomes = rows.map(({ row }) => makeText(row));
  return settleAll(outcomes).flatMap((result, at): Answered[] => {
    const { row, id, file, position } = rows[at] ?? { row: {}, id: '', file: '', position: 0 };
    if ('reason' in result) {
      quarantine.add(file, position, result.reason);
      return [];
    }
    const { text } = result;
    const outcome = outcomes[at];
    const divided =
      outcome !== undefined && 'golds' in outcome
        ? divideChoices(outcome, text)
        : divideAnswer(row, text, makeText);
    return [{ id, text, ...(divided ?? { prompt: '', target: text }) }];
  });
}

/** The row without a `text` that repeats the right choice. A text of a single answer may have its reasoning, too. */
function withoutRepeat(row: Row, makeText: (row: Row) => Outcome): Row {
  const less = withoutText(row, makeText);
  return 'golds' in makeText(less) ? less : row;
}

/** The choices as continuations of what comes before them. */
function divideChoices(
  { choices, finish }: Open,
  text: string,
): { prompt: string; choices: string[]; answer: number } | undefined {
  const own = [...new Set(choices)].filter((choice) => choice !== '');
  const right = own.find((choice) => {
    const made = finish(choice);
    return 'text' in made && made.text === text;
  });
  if (right === undefined || own.length < 2) return undefined;
  const marked = finish(mark);
  const [before, after, ...more] = 'text' in marked ? marked.text.split(mark) : [];
  const around =
    before !== undefined && after !== undefined && more.length === 0 && before + right + after === text
      ? { before, after }
      : text.endsWith(right)
        ? { before: text.slice(0, -right.length), after: '' }
        : undefined;
  if (around === undefined) return undefined;
  // What follows a gap belongs to the sentence; what follows on other lines explains the answer.
  const [rest = ''] = around.after.split('\n');
  return {
    prompt: around.before,
    choices: own.map((choice) => choice + rest),
    answer: own.indexOf(right),
  };
}

/** The answer of a row without choices, found by a mark in its place. */
function divideAnswer(
  row: Row,
  text: string,
  makeText: (row: Row) => Outcome,
): { prompt: string; target: string } | undefined {
  for (const field of fields) {
    const marked = withMark(row[field]);
    const made = marked === undefined ? undefined : makeText({ ...row, [field]: marked });
    if (made === undefined || !('text' in made)) continue;
    const [before, after, ...more] = made.text.split(mark);
    if (before === undefined || after === undefined || more.length > 0) continue;
    if (!text.startsWith(before) || !text.endsWith(after) || before.length + after.length >= text.length)
      continue;
    return { prompt: before, target: text.slice(before.length, text.length - after.length) };
  }
  // A row's `text` may be the whole example: it ends with the answer, or begins with the question.
  const answer = fields
    .flatMap((field) => (typeof row[field] === 'string' ? [trimText(row[field])] : []))
    .find((value) => value !== '' && /\s$/.test(text.slice(0, -value.length)) && text.endsWith(value));
  const question = questionText(row);
  const at =
    question !== undefined && text.startsWith(`${question}\n`)
      ? question.length + 1
      : text.length - (answer?.length ?? 0);
  return at === text.length ? undefined : { prompt: text.slice(0, at), target: text.slice(at) };
}

/** A value of the same shape with the mark as its text. */
function withMark(value: unknown): unknown {
  if (typeof value === 'string' || typeof value === 'number') return mark;
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    const [first, ...others] = list;
    return first === undefined ? undefined : [withMark(first), ...others];
  }
  if (!isRow(value)) return undefined;
  const field = ['text', 'value', 'spans'].find((name) => value[name] !== undefined);
  return field === undefined ? undefined : { ...value, [field]: withMark(value[field]) };
}
