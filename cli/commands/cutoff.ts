// `betr cutoff`: how much of the ranked corpus to keep for a budget, and the score of the cut; or how much
// there is at or above several scores.

import type { Command } from 'commander';
import { answerBudget } from '../../ranking/budget/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import { openRanking, rankingCommand, type RankingOptions } from '../options.ts';
import { fail } from '../../run/errors/errors.ts';
import { formatCount, formatShare, parseScore } from '../../run/amounts.ts';
import { isByBudget } from '../../ranking/budget/laws.ts';
import { countSlices, type Slices } from '../../ranking/budget/slices.ts';
import { formatTable, printResult } from '../output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from '../question.ts';
import type { Answer, Question } from '../../ranking/budget/question.ts';
import type { Choice } from '../../ranking/order/retarget.ts';

interface CutoffOptions extends RankingOptions, QuestionOptions {
  slices?: string;
}

export function cutoffCommand(): Command {
  return questionOptions(
    rankingCommand(
      'cutoff',
      'find the cutoff for a compute budget: keep rate, score, documents, tokens and epochs, with the reason',
    ),
  )
    .option(
      '--slices <scores>',
      'count the documents and tokens at or above each score, such as .5,.6,.75; without --score, --keep ' +
        'and --budget',
    )
    .action(async (options: CutoffOptions) => {
      const scores = options.slices?.split(',').map((text) => parseScore('--slices', text));
      const question: Question = readQuestion(options, { cutoff: scores === undefined });
      const run = await openRanking(options);
      const ranking = await readRanking(run);
      if (scores !== undefined) {
        const slices = await countSlices(run, ranking, options.scorer, scores, choiceOf(question));
        printResult(options.json, slices, describeSlices(slices));
        return;
      }
      const answer = await answerBudget(run, ranking, question);
      printResult(options.json, answer, describeAnswer(answer));
    });
}

/** The benchmarks to rank by, the only part of a question that slices depend on. Errors: USAGE. */
function choiceOf({ benchmarks, without, ...rest }: Question): Choice {
  const other = Object.keys(rest);
  if (other.length > 0)
    throw fail('USAGE', {
      problem: `--slices sets the cuts itself and takes --benchmarks or --without only, not ${other.join(', ')}.`,
    });
  return { benchmarks, without };
}

/** The slices as a table. */
function describeSlices({ benchmarks, ofDocuments, ofTokens, slices, caveats, paper }: Slices): string {
  return [
    `Documents with at least this ${benchmarks === undefined ? 'score' : `percentile for ${benchmarks.join(', ')}`}, ` +
      `of ${formatCount(ofDocuments)} documents with ${formatCount(ofTokens)} tokens; each slice ` +
      'includes the ones above it',
    '',
    formatTable([
      ['from', 'documents', 'tokens', 'of the tokens'],
      ...slices.map(({ score, documents, tokens, share }) => [
        String(score),
        formatCount(documents),
        formatCount(tokens),
        formatShare(share),
      ]),
    ]),
    ...caveatLines({ caveats }),
    ...(paper === undefined ? [] : ['', paper]),
  ].join('\n');
}

/** The answer as text. */
export function describeAnswer(answer: Answer): string {
  const { keep, cutoff, model, repetition, law } = answer;
  const lines = [
    answer.summary,
    '',
    `  keep rate  ${formatShare(keep.rate)} of the ` +
      `tokens${
        !isByBudget(keep)
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
  return [...lines, ...caveatLines(answer)].join('\n');
}

/** The caveats of an answer as a bulleted list with a heading; no lines if there are none. */
export function caveatLines({ caveats }: Pick<Answer, 'caveats'>): string[] {
  return caveats.length === 0 ? [] : ['', 'Caveats:', ...caveats.map((caveat) => `  - ${caveat}`)];
}
