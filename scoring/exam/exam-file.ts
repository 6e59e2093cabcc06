// Where exams are kept: exams/NAME.json in the run folder, with the result of the judge's last exam.

import { join } from 'node:path';
import { readSealedJson } from '../../data/files/commit.ts';
import type { Run } from '../../run/run.ts';
import { type Exam, examSchema } from './exam-result.ts';

export function examPath({ files }: Run, judge: string): string {
  return join(files.exams, `${judge}.json`);
}

/** The judge's last exam; undefined if there is none, or if it cannot be read. */
export async function readExam(run: Run, judge: string): Promise<Exam | undefined> {
  // An exam can be repeated, so a damaged one is as good as none.
  return readSealedJson(examPath(run, judge), examSchema, 'betr judge').catch(() => undefined);
}
