// The short exam before a judge scores a ranking's sample: topic only, because its result decides whether the
// judge is used at all. The replies are stored, so ranking again asks nothing again.

import type { Judge } from '../../indexer/judges/judge.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { examineJudge, examTexts } from './exam.ts';
import { describeVerdict, examError } from './verdict.ts';

/**
 * Examines a judge by the texts in its settings, or by the benchmarks' examples. Returns notes for the ranking.
 * `force` uses a judge that fails, and says so. Errors: JUDGE_EXAM_FAILED, those of `examineJudge`.
 */
export async function examineForRanking(
  run: Run,
  judge: Judge,
  force: boolean,
  report: Report,
): Promise<string[]> {
  const settings = run.settings.judges.find(({ name }) => name === judge.name);
  const exam = await examineJudge(
    run,
    judge,
    { ...settings?.exam, texts: examTexts, quality: false },
    report,
  );
  if (exam === undefined)
    return [
      `The judge "${judge.name}" was not examined: there are no benchmarks, and its settings name no texts ` +
        '(judges[].exam). Nothing shows whether its scores mean anything.',
    ];
  const { problem } = describeVerdict(exam);
  if (exam.verdict === 'passed')
    return [`Exam of the judge "${judge.name}" (topic, not quality): ${problem}.`];
  if (!force) throw examError(exam);
  return [
    `The judge "${judge.name}" failed its exam and is used because of --force-judge: ${exam.verdict}: ${problem}.`,
  ];
}
