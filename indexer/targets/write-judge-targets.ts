// Writes the sample's scores by a judge to targets.parquet, for the classifier to learn: document, score, the
// reason if there is none, and each question's score, answer mass and value. Texts judged before are not judged
// again.

import { z } from 'zod';
import { DOUBLE, INTEGER, VARCHAR } from '../../data/duckdb/library.ts';
import { readNote } from '../../data/duckdb/run-files.ts';
import type { Progress, Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Judge, JudgedQuestion, JudgedText } from '../judges/judge.ts';
import { sampleNoteSchema } from '../sample/sample.ts';
import { readSampleBlocks } from '../sample/sample-blocks.ts';
import { type TargetColumn, writeTargetsFile } from './targets-file.ts';
import { countUnknown } from './unknown.ts';

/** What the file was made from, and how many documents have no score, by reason. */
export const judgedNoteSchema = z.object({
  from: z.string(),
  documents: z.number().int(),
  unknown: z.record(z.string(), z.number().int()),
});
export type JudgedNote = z.output<typeof judgedNoteSchema>;

/** A document and its judgment, without the windows' answers. */
interface Row extends Pick<JudgedText, 'score' | 'reason' | 'questions'> {
  document: string;
  windows: number;
}

/**
 * Judges the run's sample and writes the targets to `path`, in the order of the sample. `from` is the
 * fingerprint of the inputs. Errors: those of the judge, DISK_FULL, WRITE_FAILED.
 */
export async function writeJudgeTargets(
  run: Run,
  judge: Judge,
  path: string,
  from: string,
  report: Report,
): Promise<JudgedNote> {
  const rows: Row[] = [];
  const total = (await readNote(run.files.sample, sampleNoteSchema))?.sample.documents;
  report({ ...stageOf(judge, total), done: 0 });
  await readSampleBlocks(run, run.files.sample, async (keys, texts) => {
    const before = rows.length;
    const judged = await judge.judge(texts, (done) =>
      report({ ...stageOf(judge, total), done: before + done }),
    );
    for (const [at, document] of keys.entries()) {
      const { score = null, reason = 'empty', questions = [], windows = [] } = judged[at] ?? {};
      rows.push({ document, score, reason, questions, windows: windows.length });
    }
  });
  const note = { from, documents: rows.length, unknown: countUnknown(rows) };
  const columns: TargetColumn<Row>[] = [
    { name: 'document', type: VARCHAR, valueOf: ({ document }) => document },
    { name: 'score', type: DOUBLE, valueOf: ({ score }) => score },
    { name: 'reason', type: VARCHAR, valueOf: ({ reason }) => reason },
    { name: 'windows', type: INTEGER, valueOf: ({ windows }) => windows },
    ...judge.questions.flatMap((name, at) => questionColumns(name, at, rows)),
  ];
  await writeTargetsFile(run.files.spill, path, columns, rows, note);
  return note;
}

function stageOf({ name }: Judge, total: number | undefined): Omit<Progress, 'done'> {
  const stage = `judge the sample by ${name}`;
  return { stage, unit: 'documents', ...(total === undefined ? {} : { total }) };
}

/** No name begins with "score_", because the classifier would learn such a column, too. */
function questionColumns(name: string, at: number, rows: readonly Row[]): TargetColumn<Row>[] {
  const column = (
    prefix: string,
    of: (question: JudgedQuestion) => number | null | undefined,
  ): TargetColumn<Row> => ({
    name: `${prefix}_${name}`,
    type: DOUBLE,
    valueOf: ({ questions }) => {
      const question = questions[at];
      return (question === undefined ? null : of(question)) ?? null;
    },
  });
  const has = (key: 'value' | 'spread'): boolean =>
    rows.some(({ questions }) => questions[at]?.[key] !== undefined);
  return [
    column('question', ({ score }) => score),
    column('maximum', ({ scoreByMaximum }) => scoreByMaximum),
    column('mass', ({ mass }) => mass),
    ...(has('value') ? [column('value', ({ value }) => value)] : []),
    ...(has('spread') ? [column('spread', ({ spread }) => spread)] : []),
  ];
}
