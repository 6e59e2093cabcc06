// LM-Score (AutoDS, arXiv 2402.07625): a language model answers questions about a text, and the ratio of the
// answers' probabilities is the score to rank by. This file is the arithmetic; **[ours]** marks choices the paper
// leaves open.

/** The log probability of each spelling of an answer; null if the model does not report it. */
export type Spellings = readonly (number | null)[];

export interface Judgment {
  /** Between 0 and 1; null if the answers have too little probability to be meaningful. */
  score: number | null;
  /** The total probability of the answers. */
  mass: number;
}

/**
 * **[ours]** Below this mass, the model answered something else; the paper's -100 for a missing token would
 * look like a score.
 */
export const leastMass = 0.05;

/** Scores two answers, for and against. Every spelling counts **[ours]**; the paper uses the most likely. */
export function judgeAnswers(inFavor: Spellings, against: Spellings, least = leastMass): Judgment {
  const [yes, no] = [logSumExp(inFavor), logSumExp(against)];
  const mass = Math.exp(yes) + Math.exp(no);
  const isKnown = mass > 0 && mass >= least;
  return {
    score: isKnown ? ratio(yes, no) : null,
    mass,
  };
}

/**
 * The expected value on a scale, such as 0 to 5, from the log probabilities of each value's spellings; null if
 * their mass is below `least`.
 */
export function judgeScale(
  values: readonly { value: number; spellings: Spellings }[],
  least = leastMass,
): { value: number | null; mass: number } {
  const logs = values.map(({ spellings }) => logSumExp(spellings));
  const mass = logs.reduce((sum, log) => sum + Math.exp(log), 0);
  const expected = values.reduce((sum, { value }, at) => sum + value * Math.exp(logs[at] ?? -Infinity), 0);
  return { value: mass > 0 && mass >= least ? expected / mass : null, mass };
}

/** e^yes / (e^yes + e^no), for logits or log probabilities alike. */
export function ratio(yes: number, no: number): number {
  return 1 / (1 + Math.exp(no - yes));
}

/** The logarithm of the sum of e^value; unreported values add nothing. */
export function logSumExp(values: Spellings): number {
  const most = maximum(values);
  if (most === -Infinity) return most;
  return (
    most +
    Math.log(values.reduce<number>((sum, value) => sum + (value === null ? 0 : Math.exp(value - most)), 0))
  );
}

function maximum(values: Spellings): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? -Infinity), -Infinity);
}

export interface QuestionScore {
  score: number | null;
  weight: number;
}

/**
 * Combines the scores of several questions: their product (as in the paper), minimum, or weighted geometric
 * mean. Null if one of them is null.
 */
export function combineQuestions(
  questions: readonly QuestionScore[],
  how: 'product' | 'minimum' | 'geometric mean',
): number | null {
  const scores: number[] = [];
  for (const { score } of questions) {
    if (score === null) return null;
    scores.push(score);
  }
  if (scores.length === 0) return null;
  if (how === 'product') return scores.reduce((product, score) => product * score, 1);
  if (how === 'minimum') return Math.min(...scores);
  const weights = questions.reduce((sum, { weight }) => sum + weight, 0);
  const logs = questions.reduce(
    (sum, { weight }, at) => (weight === 0 ? sum : sum + weight * Math.log(scores[at] ?? 0)),
    0,
  );
  return Math.exp(logs / weights);
}

/** A piece of a text, in UTF-16 code units. */
export interface TextWindow {
  from: number;
  to: number;
}

/** The windows of a text to score: the beginning (as in the paper); beginning, middle and end; or all. */
export type WindowChoice = 'begin' | 'spread' | 'all';

/**
 * Splits a text into windows of at most `characters` that never end inside a character. If `spread` would cover
 * the whole text, it returns all windows.
 */
export function cutWindows(text: string, characters: number, choice: WindowChoice): TextWindow[] {
  if (choice === 'begin' || text.length <= characters)
    return [{ from: 0, to: wholeAt(text, Math.min(characters, text.length)) }];
  if (choice === 'spread' && text.length > 3 * characters) {
    const middle = wholeAt(text, Math.floor((text.length - characters) / 2));
    const end = text.length - characters;
    const last = wholeAt(text, end) === end ? end : end + 1;
    return [
      { from: 0, to: wholeAt(text, characters) },
      { from: middle, to: wholeAt(text, middle + characters) },
      { from: last, to: text.length },
    ];
  }
  const windows: TextWindow[] = [];
  for (let from = 0; from < text.length; from = windows.at(-1)?.to ?? text.length) {
    windows.push({ from, to: wholeAt(text, Math.min(text.length, from + characters)) });
  }
  return windows;
}

/** `place`, or the position before it if it is inside a character. */
function wholeAt(text: string, place: number): number {
  const before = text.charCodeAt(place - 1);
  const after = text.charCodeAt(place);
  return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000 ? place - 1 : place;
}

/**
 * **[ours]** A document's score: the mean over its windows, weighted by length, without the windows that have no
 * score. Null if none has a score.
 */
export function combineWindows(windows: readonly { score: number | null; length: number }[]): number | null {
  let [sum, length] = [0, 0];
  for (const window of windows) {
    if (window.score === null) continue;
    sum += window.score * window.length;
    length += window.length;
  }
  return length === 0 ? null : sum / length;
}
