// The exam of a judge: it judges texts with known labels, before anybody pays for judging a sample or a
// corpus. The first part tests topic; the second compares texts with damaged copies, which have the same
// topic.

import type { Judge, JudgedText } from '../../indexer/judges/judge.ts';
import { commitSealedJson } from '../../data/files/commit.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { countUnknown, sumUnknown } from '../../indexer/targets/unknown.ts';
import { areaUnderCurve } from './area.ts';
import { drawExamTexts, type ExamChoice, type ExamSide, type ExamTexts } from './exam-texts.ts';
import { examPath } from './exam-file.ts';
import type { Exam, ExamPart, ExamSideResult, verdicts } from './exam-result.ts';
import { betterSpeed, estimateCost, openStopwatch, speedBefore } from './exam-speed.ts';
import { drawQualityPairs } from './quality-texts.ts';
import { preferenceFor } from './preference.ts';
import { spearmanOf } from './spearman.ts';

/** Texts on each side. */
export const examTexts = 50;
/** A judge whose interval begins below this is not used. */
export const leastArea = 0.6;
/**
 * [ours] The texts that a judge scores may be the easy ones, so only a few on either side may have no score.
 */
export const mostUnknown = 0.2;

export interface ExamOptions extends ExamChoice {
  /** The source of the part about quality; by default the largest of the exam's sources or of the sample. */
  source?: string | undefined;
  /** Whether to test quality, too. */
  quality: boolean;
}

/**
 * Examines a judge and writes the result to exams/; undefined if nothing says what the judge should find.
 * Errors: those of `drawExamTexts`, of `drawQualityPairs` and of judging.
 */
export async function examineJudge(
  run: Run,
  judge: Judge,
  options: ExamOptions,
  report: Report,
): Promise<Exam | undefined> {
  const texts = await drawExamTexts(run, options);
  if (texts === undefined) return undefined;
  const stopwatch = openStopwatch();
  const answer = async (
    side: readonly string[],
    stage: string,
    areDocuments = false,
  ): Promise<JudgedText[]> => {
    const startMs = performance.now();
    const judged = await judge.judge(side, (done) =>
      report({ stage: `exam: ${stage}`, done, total: side.length, unit: 'documents' }),
    );
    stopwatch.add(judged, (performance.now() - startMs) / 1000, areDocuments);
    return judged;
  };
  const topic = await examineTopic(judge, texts, answer);
  const parts = [topic];
  const notes = [...judge.notes, ...texts.notes];
  if (options.quality) {
    const { pairs, notes: missing } = await drawQualityPairs(run, texts, options);
    notes.push(...missing);
    for (const { name, what, whole, damaged } of pairs) {
      const [better, worse] = [await answer(whole, name), await answer(damaged, name)];
      parts.push({
        tests: 'quality within a source',
        name,
        for: describeSide(what.whole, better),
        against: describeSide(what.damaged, worse),
        ...measure(judge, better, worse, 'preferred to the copy'),
      });
    }
  }
  const speed = betterSpeed(stopwatch.speed(), await speedBefore(run, judge));
  const exam: Exam = {
    version: 2,
    judge: {
      name: judge.name,
      kind: judge.kind,
      fingerprint: judge.fingerprint,
      model: judge.model.name,
      modelFingerprint: judge.model.fingerprint,
    },
    verdict: verdictOf(topic),
    leastArea,
    mostUnknown,
    interval:
      "95%. Area under the curve: DeLong's; Newcombe's score interval where DeLong's variance is 0 " +
      '(such as with every ' +
      "pair in the same order, or tied) or unknown (one text on a side). Preferred to the copy: Wilson's",
    parts,
    speed,
    cost: speed === null ? null : await estimateCost(run, judge, speed),
    notes,
  };
  await commitSealedJson(examPath(run, judge.name), exam);
  return exam;
}

/** All texts that an exam asks about. Errors: as for `examineJudge`. */
export async function listExamTexts(run: Run, options: ExamOptions): Promise<string[]> {
  const texts = await drawExamTexts(run, options);
  if (texts === undefined) return [];
  const { pairs } = options.quality ? await drawQualityPairs(run, texts, options) : { pairs: [] };
  return [
    ...texts.for.texts,
    ...texts.against.texts,
    ...pairs.flatMap(({ whole, damaged }) => [...whole, ...damaged]),
  ];
}

async function examineTopic(
  judge: Judge,
  texts: ExamTexts,
  answer: (side: readonly string[], stage: string, areDocuments: boolean) => Promise<JudgedText[]>,
): Promise<ExamPart> {
  const ask = (side: ExamSide): Promise<JudgedText[]> => answer(side.texts, 'topic', side.areDocuments);
  const [positives, negatives] = [await ask(texts.for), await ask(texts.against)];
  return {
    tests: 'topic',
    name: `${texts.for.what} against ${texts.against.what}`,
    for: describeSide(texts.for.what, positives),
    against: describeSide(texts.against.what, negatives),
    ...measure(judge, positives, negatives, 'area under the curve'),
  };
}

function describeSide(what: string, judged: readonly JudgedText[]): ExamSideResult {
  return { what, texts: judged.length, unknown: countUnknown(judged) };
}

/**
 * The estimates for the judge and for each question. Texts without a score are left out, in pairs with their
 * copy.
 */
function measure(
  judge: Judge,
  positives: readonly JudgedText[],
  negatives: readonly JudgedText[],
  by: ExamPart['measure'],
): Pick<ExamPart, 'measure' | 'estimate' | 'questions'> {
  const estimateOf = (scoreOf: (text: JudgedText) => number | null): ExamPart['estimate'] => {
    const [a, b] = [positives.map(scoreOf), negatives.map(scoreOf)];
    return by === 'area under the curve' ? areaUnderCurve(known(a), known(b)) : preferenceFor(a, b);
  };
  const all = [...positives, ...negatives];
  return {
    measure: by,
    estimate: estimateOf(({ score }) => score),
    questions: judge.questions.map((name, at) => {
      const answers = all.flatMap(({ questions }) => questions[at] ?? []);
      const scored = answers.flatMap(({ score, scoreByMaximum }) =>
        score === null || scoreByMaximum === null ? [] : [{ score, scoreByMaximum }],
      );
      return {
        name,
        estimate: estimateOf(({ questions }) => questions[at]?.score ?? null),
        mass: median(answers.map(({ mass }) => mass)),
        unknown: all.length === 0 ? 0 : 1 - answers.filter(({ score }) => score !== null).length / all.length,
        spellings: spearmanOf(
          scored.map(({ score }) => score),
          scored.map(({ scoreByMaximum }) => scoreByMaximum),
        ),
      };
    }),
  };
}

function known(scores: readonly (number | null)[]): number[] {
  return scores.filter((score) => score !== null);
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return below === undefined || above === undefined ? null : (below + above) / 2;
}

/** Whether part 1 allows using the judge. */
export function verdictOf(topic: Pick<ExamPart, 'for' | 'against' | 'estimate'>): (typeof verdicts)[number] {
  const isMissing = ({ texts, unknown }: ExamSideResult): boolean =>
    sumUnknown(unknown) > mostUnknown * texts;
  if (topic.estimate === null || isMissing(topic.for) || isMissing(topic.against)) return 'too few scores';
  if (topic.estimate.high < 0.5) return 'inverted';
  return topic.estimate.low < leastArea ? 'too weak' : 'passed';
}
