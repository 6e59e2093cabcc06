// A test question to a judge's model, before it judges anything: whether it can answer at all, and which answers
// are more than one token for it.

import { fail } from '../../run/errors/errors.ts';
import type { JudgeSettings } from '../../run/judge-settings.ts';
import type { Answer, LanguageModel } from '../../models/language-model.ts';
import { promptOf, unanswered } from './ask.ts';
import type { AskedQuestion } from './questions.ts';

const text = 'The sum of two odd numbers is even.';

/**
 * Asks all questions about a short text. Returns what users should know about the answers. Errors:
 * LOG_PROBABILITIES_OFF, JUDGE_INVALID, those of the model.
 */
export async function tryQuestions(
  { name }: JudgeSettings,
  model: LanguageModel,
  questions: readonly AskedQuestion[],
): Promise<string[]> {
  if (model.answersLater)
    return [
      `The model "${model.name}" answers through files, which cannot be tested in advance. It reports only its ` +
        `${model.source.topK ?? 0} most likely tokens, so an answer of several tokens counts as impossible.`,
      ...questions.flatMap((question) => describeBegun(question)),
    ];
  const byProbability = questions.filter(({ mode }) => mode === 'log probabilities');
  if (byProbability.length === 0) return [];
  if (model.lacks.logProbabilities !== undefined)
    throw fail('LOG_PROBABILITIES_OFF', {
      model: model.name,
      reason: `${model.lacks.logProbabilities}; a question with "mode: rating" needs none`,
    });
  const answers = await model.logProbabilities(
    byProbability.map((question) => ({
      prompt: promptOf(model, question, text),
      continuations: question.groups.flatMap(({ continuations }) => continuations),
    })),
    'start',
  );
  return byProbability.flatMap((question, at) => {
    const answer = answers[at] ?? unanswered;
    if (answer.cutTokens > 0)
      throw fail('JUDGE_INVALID', {
        judge: name,
        problem: `question "${question.name}" alone is longer than the context of the model "${model.name}"`,
      });
    return describeAnswers(name, model, question, answer);
  });
}

function describeAnswers(
  judge: string,
  model: LanguageModel,
  question: AskedQuestion,
  answer: Answer,
): string[] {
  const continuations = question.groups.flatMap((group) => group.continuations);
  // If the server does not tell, two words are two tokens.
  const long = continuations.filter(
    (word, at) => (answer.continuations[at]?.tokens ?? (/\S\s+\S/.test(word) ? 2 : 1)) > 1,
  );
  const of = `Question "${question.name}"`;
  const isExact = model.continuations === 'any';
  const notes: string[] = [];
  if (long.length > 0) {
    const shown = long
      .slice(0, 5)
      .map((word) => JSON.stringify(word))
      .join(', ');
    const all = long.length > 5 ? `${shown} and ${long.length - 5} other answers` : shown;
    const are = long.length > 1 ? 'are' : 'is';
    notes.push(
      isExact
        ? `${of}: ${all} ${are} more than one token for the model "${model.name}". Such an answer is scored by ` +
            'all its tokens, which takes longer.'
        : `${of}: ${all} ${are} more than one token for the model "${model.name}", which reports single ` +
            'tokens only. Such an answer counts as impossible; the others are used.',
    );
    const hopeless = question.groups.find((group) =>
      group.continuations.every((word) => long.includes(word)),
    );
    if (!isExact && hopeless !== undefined)
      throw fail('JUDGE_INVALID', {
        judge,
        problem:
          `question "${question.name}" has only answers of more than one token in one place ` +
          `(${hopeless.continuations.map((word) => JSON.stringify(word)).join(', ')}), and the model ` +
          `"${model.name}" reports single tokens only; use other words`,
      });
  }
  if (!isExact)
    notes.push(
      `${of}: the model "${model.name}" reports only its ${model.source.topK ?? 0} most likely tokens. An ` +
        'answer that is not among them counts as impossible.',
      ...describeBegun(question),
    );
  return notes;
}

/** Answers that begin others: with single tokens alone, a model that writes "10" in two tokens seems to mean "1". */
function describeBegun({ name, mode, groups }: AskedQuestion): string[] {
  if (mode === 'rating') return [];
  const answers = groups.flatMap(({ value, continuations }) =>
    continuations.map((text) => ({ value, text })),
  );
  return answers.flatMap(({ value, text }) => {
    const longer = answers.find((other) => other.value !== value && other.text.startsWith(text));
    if (longer === undefined) return [];
    const [short, long] = [JSON.stringify(text.trim()), JSON.stringify(longer.text.trim())];
    return [
      `Question "${name}": if ${long} is more than one token for the model, it counts as ${short}, which it begins ` +
        'with. Single digits or other words avoid this.',
    ];
  });
}
