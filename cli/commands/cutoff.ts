// `betr cutoff`: how much of the ranked corpus to keep for a budget, and the score of the cut.

import type { Command } from 'commander';
import { answerBudget } from '../../ranking/budget/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import { openRanking, rankingCommand, type RankingOptions } from '../options.ts';
import { formatCount, formatShare } from '../../run/amounts.ts';
import { printResult } from '../output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from '../question.ts';
import type { Answer, Question } from '../../ranking/budget/question.ts';

export function cutoffCommand(): Command {
  return questionOptions(
    rankingCommand(
      'cutoff',
      'find the cutoff for a compute budget: keep rate, score, documents, tokens and epochs, with the reason',
    ),
  ).action(async (options: RankingOptions & QuestionOptions) => {
    const question: Question = readQuestion(options);
    const run = await openRanking(options);
    const answer = await answerBudget(run, await readRanking(run), question);
    printResult(options.json, answer, describeAnswer(answer));
  });
}

/** The answer as text. */
export function describeAnswer(answer: Answer): string {
  const { keep, cutoff, model, repetition, law } = answer;
  const lines = [
    answer.summary,
    '',
    `  keep rate  ${formatShare(keep.rate)} of the ` +
      `tokens${
        keep.setBy === 'keep'
          ? ', as requested'
          : ` (${formatShare(keep.low)} ` +
            `to ${formatShare(keep.high)} do about as well), set by the ${keep.setBy}`
      }`,
    `  cutoff     ${cutoff.score === null ? 'nothing' : `score ≥ ${cutoff.score}`}: ` +
      `${formatCount(cutoff.documents)} of ${formatCount(cutoff.ofDocuments)} documents, ` +
      `${formatCount(cutoff.tokens)} of ${formatCount(cutoff.ofTokens)} tokens` +
      (answer.flags.includes('tokens-estimated') ? ' (estimated)' : ''),
  ];
  if (model !== null)
    lines.push(
      `  model      ${model.params.toExponential(2)} parameters on ${model.tokens.toExponential(2)} ` +
        `tokens (${model.tokensPerParam} per parameter), ${model.flops.toExponential(2)} FLOPs`,
    );
  if (repetition !== null)
    lines.push(
      `  epochs     ${repetition.epochs.toPrecision(3)}, ` +
        `worth ${repetition.effectiveTokens.toExponential(2)} unique tokens`,
    );
  if (law !== null) lines.push(`  law        ${law.name}: ${law.formula}`);
  return [...lines, ...listCaveats(answer)].join('\n');
}

/** The caveats of an answer as a bulleted list with a heading; no lines if there are none. */
export function listCaveats({ caveats }: Pick<Answer, 'caveats'>): string[] {
  return caveats.length === 0 ? [] : ['', 'Caveats:', ...caveats.map((caveat) => `  - ${caveat}`)];
}
