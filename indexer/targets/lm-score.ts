// LM-Score (AutoDS, arXiv 2402.07625): a language model is asked questions about a text, and the ratio of its
// answers' probabilities is the score, a number to rank by. This is the arithmetic; **[ours]** marks what the
// paper leaves open.

/**
 * What a model says of one answer: the log probability of each of its spellings; null where it does not tell
 * one.
 */
export type Spellings = readonly (number | null)[];

export interface Judgement {
  /** Between 0 and 1; null where the answers have too little probability to mean anything. */
  score: number | null;
  /** The same by the likeliest spelling of each answer, as the paper has it; null as above. */
  scoreByMaximum: number | null;
  /** The probability of all answers together. */
  mass: number;
  /**
   * Whether no spelling of one of the answers is among the tokens that the model tells, so that its
   * probability is taken for 0.
   */
  isOneSided: boolean;
}

/**
 * **[ours]** Below this, a model has answered something else, and the paper's -100 for a missing token would
 * look like a score.
 */
export const leastMass = 0.05;

/**
 * Judges by two answers, for and against; every spelling counts. **[ours]** the paper takes the likeliest of
 * each.
 */
export function judgeAnswers(inFavor: Spellings, against: Spellings, least = leastMass): Judgement {
  const [yes, no] = [logSumExp(inFavor), logSumExp(against)];
  const mass = Math.exp(yes) + Math.exp(no);
  const isKnown = mass > 0 && mass >= least;
  return {
    score: isKnown ? ratio(yes, no) : null,
    scoreByMaximum: isKnown ? ratio(maximum(inFavor), maximum(against)) : null,
    mass,
    isOneSided: isKnown && (yes === -Infinity || no === -Infinity),
  };
}

/**
 * The expected value on a scale, such as 0 to 5, from the log probability of each value's spellings; null
 * below the mass.
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

/** The logarithm of the sum of e^value; what is not told adds nothing. */
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
 * One score from those of several questions: their product (the paper's), their minimum, or their weighted
 * geometric mean. Null where one of them is.
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

/**
 * Which windows of a text are judged: its beginning (the paper's), its beginning, middle and end, or all of
 * it.
 */
export type WindowChoice = 'begin' | 'spread' | 'all';

/**
 * The windows of a text, each of at most `characters` and none ending inside a character. A text that
 * `spread` would cover anyway is taken whole.
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

/** This place, or the one before it where it is inside a character. */
function wholeAt(text: string, place: number): number {
  const before = text.charCodeAt(place - 1);
  const after = text.charCodeAt(place);
  return before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000 ? place - 1 : place;
}

/**
 * **[ours]** A document's score: the mean over its windows, weighted by their length; windows without a score
 * are left out, and null where all are.
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
