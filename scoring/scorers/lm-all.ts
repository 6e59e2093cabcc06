// A language model judges every document of the corpus, as in AutoDS (arXiv 2402.07625). Its answers are stored
// as they come and shared by all workers, so that none is paid for twice.

import { textOf } from '../../data/documents.ts';
import type { Judge, JudgedText } from '../../indexer/judges/judge.ts';
import { readQuestions } from '../../indexer/judges/questions.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { RankExam } from '../exam/rank-exam.ts';
import { type Report, silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { JudgeSettings } from '../../run/judge-settings.ts';
import type { BatchNotes, CorpusScorer, ScorerKind } from './kind.ts';
import { measureJudge, priceOf } from './lm-measure.ts';
import { describeModel, publishedTest, warnOfDummy, withArticle } from './lm-score.ts';

export const lmAll: ScorerKind = {
  name: 'lm#all',
  usage: 'lm:JUDGE#all',
  takesFile: false,
  isForeign: true,
  async prepare({ main, argument: name, report, forceJudge = false }) {
    const details = namesOf(settingsOf(main, name));
    // Imported here because commands that only read a ranking should not load the libraries of models.
    const { openJudge } = await import('../../indexer/judges/judge.ts');
    const judge = await openJudge(main, name, report);
    try {
      const examined = await examine(main, judge, forceJudge, report);
      return {
        kind: 'lm#all',
        file: '',
        settings: { judge: name, method: judge.kind, model: judge.model.name },
        outputs: ['joint'],
        details,
        slow: true,
        fingerprint: judge.fingerprint,
        notes: [
          `The judge "${name}" gives every document ${withArticle(judge.kind)} (${describeModel(judge)}).`,
          ...warnOfDummy(judge),
          ...examined.notes,
          ...judge.notes,
          publishedTest,
        ],
        answerNotes: judge.notes,
        warnings: examined.warnings,
      };
    } finally {
      await judge.close();
    }
  },
  async open(run, { settings }) {
    const { openJudge } = await import('../../indexer/judges/judge.ts');
    const own = settingsOf(run, String(settings['judge']));
    const judge = await openJudge(run, own.name, silent);
    return scoreBy(judge, namesOf(own), priceOf(run, own.model));
  },
};

/** Errors: JUDGE_EXAM_FAILED, those of `examineForRanking`. */
async function examine(run: Run, judge: Judge, force: boolean, report: Report): Promise<RankExam> {
  const { examineForRanking, notExamined } = await import('../exam/rank-exam.ts');
  try {
    return await examineForRanking(run, judge, force, report);
  } catch (error) {
    if (!(error instanceof BetrError) || error.code !== 'STEP_MISSING') throw error;
    return notExamined(judge, 'there is no sample to draw texts from (betr index)');
  }
}

function scoreBy(judge: Judge, names: readonly string[], price: number | null): CorpusScorer {
  let stored = 0;
  return {
    fingerprint: judge.fingerprint,
    outputs: ['joint'],
    details: names,
    async scoreTexts(text, textEnds, count, out, _documents, notes) {
      const texts = Array.from({ length: count }, (_, i) => textOf({ text, textEnds }, i));
      const judged = await judge.judge(texts, (done) => notes?.progress(done));
      for (const [i, one] of judged.entries()) {
        out[i] = one.score ?? NaN;
        if (one.tokens === 0 && one.windows.length > 0) stored++;
        if (notes !== undefined) note(notes, i, one, names);
      }
    },
    countStored: () => stored,
    measure: (texts) => measureJudge(judge, texts, price),
    close: () => judge.close(),
  };
}

function settingsOf({ settings: { judges } }: Run, name: string): JudgeSettings {
  const found = judges.find((judge) => judge.name === name);
  if (found === undefined) throw fail('JUDGE_UNKNOWN', { name, known: judges.map((judge) => judge.name) });
  return found;
}

/**
 * The columns beside the score: for each question its score, that by the most likely spellings, and the answer
 * mass; for scales and ratings the value in their own units, and the spread of the samples; with several
 * windows, their scores.
 */
function namesOf(settings: JudgeSettings): string[] {
  const ofQuestions = readQuestions(settings, false).flatMap(({ name, mode, isScale }) => [
    `question_${name}`,
    `mass_${name}`,
    ...(mode === 'rating' ? [`value_${name}`, `spread_${name}`] : [`maximum_${name}`]),
    ...(mode !== 'rating' && isScale ? [`value_${name}`] : []),
  ]);
  const ofWindows = {
    begin: [],
    spread: ['windows', 'window_begin', 'window_middle', 'window_end'],
    all: ['windows', 'window_lowest', 'window_highest'],
  };
  return [...ofQuestions, ...ofWindows[settings.windows]];
}

function note(notes: BatchNotes, i: number, judged: JudgedText, names: readonly string[]): void {
  if (judged.score === null) notes.reasons[i] = judged.reason ?? undefined;
  const details = detailsOf(judged);
  for (const [d, name] of names.entries()) notes.details[i * names.length + d] = details.get(name) ?? NaN;
}

function detailsOf({ questions, windows }: JudgedText): Map<string, number | null | undefined> {
  const scores = windows.map(({ score }) => score).filter((score) => score !== null);
  return new Map([
    ...questions.flatMap(
      ({ name, score, mass, scoreByMaximum, value, spread }): [string, number | null | undefined][] => [
        [`question_${name}`, score],
        [`mass_${name}`, mass],
        [`maximum_${name}`, scoreByMaximum],
        [`value_${name}`, value],
        [`spread_${name}`, spread],
      ],
    ),
    ['windows', windows.length],
    ['window_begin', windows[0]?.score],
    ['window_middle', windows.length > 2 ? windows[Math.floor(windows.length / 2)]?.score : undefined],
    ['window_end', windows.length > 1 ? windows.at(-1)?.score : undefined],
    ['window_lowest', scores.length === 0 ? undefined : Math.min(...scores)],
    ['window_highest', scores.length === 0 ? undefined : Math.max(...scores)],
  ]);
}
