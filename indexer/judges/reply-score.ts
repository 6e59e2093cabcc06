// The score that follows from a model's reply to a question.

import { judgeAnswers, judgeScale, ratio } from '../targets/lm-score.ts';
import type { Reply } from './ask.ts';
import type { JudgedQuestion, UnknownReason } from './judge.ts';
import type { AskedQuestion } from './questions.ts';

/** Scores a reply, and says why there is no score. */
export function scoreReply(
  question: AskedQuestion,
  reply: Reply,
): { question: JudgedQuestion; reason: UnknownReason | null } {
  const { name } = question;
  const unknown = { name, score: null, scoreByMaximum: null, mass: 0 };
  if ('reason' in reply) return { question: unknown, reason: reply.reason };
  if ('ratings' in reply) return scoreRatings(question, reply.ratings);
  const { sums, maxima } = reply;
  const isByMaximum = question.spelling === 'maximum';
  if (question.isScale) {
    const [judged, byMaximum] = [sums, maxima].map((logs) =>
      judgeScale(
        question.groups.map(({ value }, at) => ({ value, spellings: [logs[at] ?? null] })),
        0,
      ),
    );
    const mass = judged?.mass ?? 0;
    const value = (isByMaximum ? byMaximum?.value : judged?.value) ?? null;
    if (value === null || mass < question.leastMass)
      return { question: { ...unknown, mass }, reason: 'answer mass' };
    const score = (of: number | null | undefined): number | null =>
      of === null || of === undefined ? null : onScale(question, of);
    return {
      question: { name, score: score(value), scoreByMaximum: score(byMaximum?.value), mass, value },
      reason: null,
    };
  }
  const [yes = null, no = null] = sums;
  const { score, mass } = judgeAnswers([yes], [no], question.leastMass);
  if (score === null) return { question: { ...unknown, mass }, reason: 'answer mass' };
  const scoreByMaximum = ratio(maxima[0] ?? -Infinity, maxima[1] ?? -Infinity);
  return {
    question: { name, score: isByMaximum ? scoreByMaximum : score, scoreByMaximum, mass },
    reason: null,
  };
}

function scoreRatings(
  question: AskedQuestion,
  ratings: readonly (number | null)[],
): ReturnType<typeof scoreReply> {
  const given = ratings.filter((rating) => rating !== null);
  const mass = ratings.length === 0 ? 0 : given.length / ratings.length;
  const { name } = question;
  if (given.length === 0)
    return { question: { name, score: null, scoreByMaximum: null, mass }, reason: 'no rating' };
  const value = given.reduce((sum, rating) => sum + rating, 0) / given.length;
  const spread = Math.sqrt(given.reduce((sum, rating) => sum + (rating - value) ** 2, 0) / given.length);
  return {
    question: { name, score: onScale(question, value), scoreByMaximum: null, mass, value, spread },
    reason: null,
  };
}

/** A value from the lowest to the highest, as a number from 0 to 1. */
function onScale({ groups }: AskedQuestion, value: number): number {
  const values = groups.map((group) => group.value);
  const low = Math.min(...values);
  return (value - low) / (Math.max(...values) - low);
}
