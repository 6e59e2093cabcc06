// The short exam before a judge scores a ranking's sample: topic only, because its result decides whether the
// judge is used at all. The replies are stored, so ranking again asks nothing again.

import type { Judge } from '../../indexer/judges/judge.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { examineJudge, examTexts } from './exam.ts';
import { describeVerdict, examError } from './verdict.ts';

/** What a ranking says of the exam of its judge. */
export interface RankExam {
  notes: string[];
  /** If the judge failed, or was not examined. */
  warnings: string[];
}

/**
 * Examines a judge by the texts in its settings, or by the benchmarks' examples. `force` uses a judge that fails, and
 * says so. Errors: JUDGE_EXAM_FAILED, those of `examineJudge`.
 */
export async function examineForRanking(
  run: Run,
  judge: Judge,
  force: boolean,
  report: Report,
): Promise<RankExam> {
  const settings = run.settings.judges.find(({ name }) => name === judge.name);
  const exam = await examineJudge(
    run,
    judge,
    { ...settings?.exam, texts: examTexts, quality: false },
    report,
  );
  if (exam === undefined)
    return notExamined(judge, 'there are no benchmarks, and its settings name no texts (judges[].exam)');
  const { problem } = describeVerdict(exam);
  if (exam.verdict === 'passed')
    return { notes: [`Exam of the judge "${judge.name}" (topic, not quality): ${problem}.`], warnings: [] };
  if (!force) throw examError(exam);
  return {
    notes: [],
    warnings: [
      `The judge "${judge.name}" failed its exam and is used because of --force-judge: ${exam.verdict}: ${problem}.`,
    ],
  };
}

export function notExamined({ name }: Judge, reason: string): RankExam {
  return {
    notes: [],
    warnings: [
      `The judge "${name}" was not examined: ${reason}. Nothing shows whether its scores mean anything.`,
    ],
  };
}
