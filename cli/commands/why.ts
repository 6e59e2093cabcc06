// `betr why`: explains a document's score by its n-grams, its rank, and the nearest benchmark examples. In a
// ranking by another scorer, shows what that recorded about the document.

import type { Command } from 'commander';
import { defaultScorer, readScorer } from '../../scoring/scorers/list.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { parseWhole, formatCount, formatShare } from '../../run/amounts.ts';
import { sourceOf } from '../../ranking/budget/answer.ts';
import { readRanking } from '../../ranking/generation.ts';
import type { Place } from '../../ranking/percentile.ts';
import type { RankedDocument } from '../../ranking/ranked-document.ts';
import { showDocument, type ShownDocument } from '../../ranking/why/show-document.ts';
import { TextThread } from '../../ranking/why/text-thread.ts';
import { openRanking, rankingCommand, type RankingOptions } from '../options.ts';
import { formatTable, printResult } from '../output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from '../question.ts';
import type { Question } from '../../ranking/budget/question.ts';
import { readTarget, type Target } from '../../ranking/why/target.ts';
import { explainDocument, type Why, whyDefaults } from '../../ranking/why/why.ts';

interface WhyOptions extends RankingOptions, QuestionOptions {
  benchmark?: string;
}

export function whyCommand(): Command {
  return questionOptions(
    rankingCommand(
      'why',
      "explain a document's score: the n-grams that moved it, its rank, and the nearest benchmark examples",
    ),
  )
    .argument('<shard>', "the shard's name in the ranking, or its id")
    .argument('<row>', 'row in the shard, counted from 0')
    .option('--benchmark <name>', "explain this benchmark's score instead of the joint one")
    .action(async (shard: string, row: string, options: WhyOptions) => {
      const run = await openRanking(options);
      const ranking = await readRanking(run);
      const question: Question = readQuestion(options, { cutoff: false });
      const texts = new TextThread(run);
      const source = sourceOf(run, ranking);
      const asked = { ...whyDefaults, shard, row: parseWhole('ROW', row, 0, Number.MAX_SAFE_INTEGER) };
      try {
        if (await hasClassifier(run)) {
          const { benchmark } = options;
          const why = await explainDocument(run, source, texts, { ...asked, benchmark }, question);
          const target = run.ranking === '' ? undefined : await readTarget(run, why.document.document);
          printResult(
            options.json,
            target === undefined ? why : { ...why, target },
            describeWhy(why, run.ranking === '', target),
          );
        } else {
          if (options.benchmark !== undefined)
            throw fail('OPTION_INVALID', {
              option: '--benchmark',
              got: options.benchmark,
              allowed: 'left out, because this ranking has no scores for benchmarks',
            });
          const shown = await showDocument(run, source, texts, asked, question);
          printResult(options.json, shown, describeShown(shown));
        }
      } finally {
        await texts.close();
      }
    });
}

/** Whether a classifier made the scores, so that they can be explained by n-grams. */
async function hasClassifier(run: Run): Promise<boolean> {
  return run.ranking === '' || (await readScorer(run)).kind === defaultScorer;
}

/** The document, its score or why it has none, and what the scorer recorded, as text. */
function describeShown(shown: ShownDocument): string {
  const { score, unknown, details, place, kept, text } = shown;
  return [
    ...describeTitle(shown, text.text),
    '',
    score === null
      ? `  no score: ${unknown ?? ''}`
      : `  score    ${score}${place === null ? '' : `, ${describePlace(place, kept)}`}`,
    ...Object.entries(details).map(([name, value]) => `  ${name}  ${value ?? 'none'}`),
  ].join('\n');
}

function describeTitle(
  { document, shard, row, source }: Pick<RankedDocument, 'document' | 'shard' | 'row' | 'source'>,
  text: string,
): string[] {
  return [
    `${document} (${shard}, row ${row}${source === '' ? '' : `, ${source}`})`,
    `  ${text.replace(/\s+/g, ' ').slice(0, 160)}`,
  ];
}

function describePlace(place: Place, kept: boolean | null): string {
  return (
    `rank ${formatCount(place.rank)} of ${formatCount(place.of)}, above ${formatShare(place.percentile)} ` +
    `of the documents; kept at keep rates of ${formatShare(place.keptFrom)} and ` +
    `above${kept === null ? '' : kept ? '; kept' : '; not kept'}`
  );
}

function describeNearest(nearest: Why['nearest']): string[] {
  return nearest.available
    ? nearest.examples.map(
        (near) =>
          `  ${near.cosine.toFixed(3)}  ${near.benchmark}: ${near.text.replace(/\s+/g, ' ').slice(0, 100)}`,
      )
    : [`  No nearest examples: ${nearest.reason}`];
}

const shownNgrams = 12;

/** The explanation as text. */
function describeWhy(
  { document, place, text, explanation, nearest }: Why,
  byBenchmarks: boolean,
  target: Target | undefined,
): string {
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
    ...describeTitle(document, text),
    '',
    `  score    ${explanation.score}${byBenchmarks ? ` (${explanation.output})` : ''}, ` +
      describePlace(place, document.kept),
    `  made of  bias ${signed(bias)}, ${signed(shown)} from the n-grams below, ${signed(rest)} ` +
      `from the rest of ${formatCount(ngrams)}`,
    ...(target === undefined
      ? []
      : [
          '  learned  in the sample; what the model gave this document:',
          ...Object.entries(target).map(([name, value]) => `    ${name}  ${value ?? 'none'}`),
        ]),
    '',
    formatTable([['up', '', 'down', ''], ...rows]),
    ...(byBenchmarks ? ['', ...describeNearest(nearest)] : []),
  ].join('\n');
}
