// `betr why`: explains a document's score by its n-grams, its rank, and the nearest benchmark examples.

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
      "explain a document's score: the n-grams that moved it, its rank, and the nearest benchmark examples",
    ),
  )
    .argument('<shard>', "the shard's name in the ranking, or its id")
    .argument('<row>', 'row in the shard, counted from 0')
    .option('--benchmark <name>', "explain this benchmark's score instead of the joint one")
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

/** The explanation as text. */
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
      `of ${formatCount(place.of)}, above ${formatShare(place.percentile)} of the documents; kept ` +
      `at keep rates of ${formatShare(place.keptFrom)} and ` +
      `above${document.kept === null ? '' : document.kept ? '; kept' : '; not kept'}`,
    `  made of  bias ${signed(bias)}, ${signed(shown)} from the n-grams below, ${signed(rest)} ` +
      `from the rest of ${formatCount(ngrams)}`,
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
