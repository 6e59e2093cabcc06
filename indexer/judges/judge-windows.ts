// The windows of texts that a judge reads, and a text's score from them.

import type { JudgeSettings } from '../../run/judge-settings.ts';
import { combineQuestions, combineWindows, cutWindows, type TextWindow } from '../targets/lm-score.ts';
import type { Reply } from './ask.ts';
import type { JudgedQuestion, JudgedText, JudgedWindow, UnknownReason } from './judge.ts';
import type { AskedQuestion } from './questions.ts';
import { scoreReply } from './reply-score.ts';

/** The windows of a text; none if it is empty. */
export function windowsOf(text: string, { characters, windows }: JudgeSettings): TextWindow[] {
  return text.trim() === '' ? [] : cutWindows(text, characters, windows);
}

/** The score of a text from the replies about each of its windows. */
export function judgeText(
  settings: JudgeSettings,
  questions: readonly AskedQuestion[],
  windows: readonly TextWindow[],
  replies: readonly (readonly Reply[])[],
  tokens: number,
): JudgedText {
  let reason: UnknownReason | null = windows.length === 0 ? 'empty' : null;
  const judged = windows.map(({ from, to }, window): JudgedWindow => {
    const scored = questions.map((question, at) =>
      scoreReply(question, replies[window]?.[at] ?? { reason: 'refused' }),
    );
    reason ??= scored.find((one) => one.reason !== null)?.reason ?? null;
    return {
      from,
      to,
      score: combineQuestions(
        scored.map(({ question }, at) => ({ score: question.score, weight: questions[at]?.weight ?? 1 })),
        settings.combine,
      ),
      questions: scored.map(({ question }) => question),
    };
  });
  // A refusal may pass, so the other windows must not stand for the whole text.
  const isRefused = replies.some((window) =>
    window.some((reply) => 'reason' in reply && reply.reason === 'refused'),
  );
  const score = isRefused ? null : meanOf(judged, (window) => window.score);
  return {
    score,
    reason: isRefused ? 'refused' : score === null ? reason : null,
    questions: questions.map(({ name }, at) => meanQuestion(name, judged, at)),
    windows: judged,
    tokens,
  };
}

function meanQuestion(name: string, windows: readonly JudgedWindow[], at: number): JudgedQuestion {
  const mean = (of: (question: JudgedQuestion) => number | null | undefined): number | null =>
    meanOf(windows, ({ questions }) => {
      const question = questions[at];
      return (question === undefined ? null : of(question)) ?? null;
    });
  const value = mean((question) => question.value);
  const spread = mean((question) => question.spread);
  return {
    name,
    score: mean((question) => question.score),
    scoreByMaximum: mean((question) => question.scoreByMaximum),
    mass: mean((question) => question.mass) ?? 0,
    ...(value === null ? {} : { value }),
    ...(spread === null ? {} : { spread }),
  };
}

function meanOf(
  windows: readonly JudgedWindow[],
  of: (window: JudgedWindow) => number | null,
): number | null {
  const [first] = windows;
  // Exactly, where there is one.
  if (first !== undefined && windows.length === 1) return of(first);
  return combineWindows(windows.map((window) => ({ score: of(window), length: window.to - window.from })));
}
