// `betr why`: the n-grams that moved a document's score, its place in the ranking, and the benchmark examples
// nearest to it.

import type { Command } from 'commander';
import { openRun } from '../../run/run.ts';
import { parseWhole, formatCount, formatShare } from '../../run/amounts.ts';
import { sourceOf } from '../../ranking/budget/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import { TextThread } from '../../ranking/why/text-thread.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatTable, printResult } from '../output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from '../question.ts';
import type { Question } from '../../ranking/budget/question.ts';
import { explainDocument, type Why, whyDefaults } from '../../ranking/why/why.ts';

interface WhyOptions extends CommonOptions, QuestionOptions {
  benchmark?: string;
}

export function whyCommand(): Command {
  return questionOptions(
    command(
      'why',
      'why a document has its score: the n-grams that moved it, its place, and the nearest benchmark examples',
    ),
  )
    .argument('<shard>', "the shard's name in the ranking, or its id")
    .argument('<row>', '0-based row of the shard')
    .option('--benchmark <name>', "explain this benchmark's own score in place of the joint one")
    .action(async (shard: string, row: string, options: WhyOptions) => {
      const run = await openRun(options.config);
      const ranking = await readRanking(run);
      const question: Question = readQuestion(options, { cutoff: false });
      const texts = new TextThread(run);
      try {
        const why = await explainDocument(
          run,
          sourceOf(run, ranking),
          texts,
          {
            ...whyDefaults,
            shard,
            row: parseWhole('ROW', row, 0, Number.MAX_SAFE_INTEGER),
            benchmark: options.benchmark,
          },
          question,
        );
        printResult(options.json, why, describeWhy(why));
      } finally {
        await texts.close();
      }
    });
}

const shownNgrams = 12;

/** The answer as a person reads it. */
function describeWhy({ document, place, text, explanation, nearest }: Why): string {
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
  const { up, down, others, bias, ngrams } = explanation;
  const rows = Array.from({ length: Math.min(shownNgrams, Math.max(up.length, down.length)) }, (_, i) =>
    [up[i], down[i]].flatMap((one) =>
      one === undefined
        ? ['', '']
        : [signed(one.contribution), `${one.ngram}${one.count > 1 ? ` × ${one.count}` : ''}`],
    ),
  );
  const shown = [...up.slice(0, rows.length), ...down.slice(0, rows.length)].reduce(
    (sum, { contribution }) => sum + contribution,
    0,
  );
  const rest =
    [...up, ...down].reduce((sum, { contribution }) => sum + contribution, others.contribution) - shown;
  return [
    `${document.document} (${document.shard}, ` +
      `row ${document.row}${document.source === '' ? '' : `, ${document.source}`})`,
    `  ${text.replace(/\s+/g, ' ').slice(0, 160)}`,
    '',
    `  score    ${explanation.score} (${explanation.output}), rank ${formatCount(place.rank)} ` +
      `of ${formatCount(place.of)}: above ${formatShare(place.percentile)} of the documents, kept ` +
      `from ${formatShare(place.keptFrom)} of the tokens ` +
      `on${document.kept === null ? '' : document.kept ? '; kept' : '; not kept'}`,
    `  made of  ${signed(bias)} to start with, ${signed(shown)} by the n-grams below, ${signed(rest)} ` +
      `by the others of ${formatCount(ngrams)}`,
    '',
    formatTable([['up', '', 'down', ''], ...rows]),
    '',
    ...(nearest.available
      ? nearest.examples.map(
          (near) =>
            `  ${near.cosine.toFixed(3)}  ${near.benchmark}: ${near.text.replace(/\s+/g, ' ').slice(0, 100)}`,
        )
      : [`  No nearest examples: ${nearest.reason}`]),
  ].join('\n');
}
