// The evaluation as one self-contained HTML page: what was measured, how certain it is, and what the cut
// costs. Every number has its interval and its sample size.

import {
  describeFitting,
  describeVerdict,
  type EvaluatedSelection,
  type Evaluation,
  listCautions,
} from './evaluation.ts';
import { noFilter } from './contest.ts';
import { formatCount, formatShare } from '../run/amounts.ts';
import { escapeHtml } from '../run/escape-html.ts';
import { bar, formatEstimate, gain, gainPlot, style, table } from './report-parts.ts';

/** File names of the page and its data in an evaluation's folder. */
export const reportFile = 'report.html';
export const evaluationFile = 'evaluation.json';

/** Renders the page. `details` (settings, versions) are shown as they are. */
export function evaluationHtml(evaluation: Evaluation, details: unknown): string {
  const keeps = [...new Set(evaluation.selections.map(({ keep }) => keep))].filter(
    (keep) => keep < 1 || evaluation.selections.every((selection) => selection.keep === 1),
  );
  const card = {
    rankings: evaluation.rankings,
    seed: evaluation.seed,
    ...(typeof details === 'object' ? details : {}),
  };
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, ' +
      'initial-scale=1"><title>Is the cut any good?</title>',
    `<style>${style}</style></head><body><main>`,
    '<h1>Is the cut any good?</h1>',
    `<p class="lead">${headline(evaluation)}</p>`,
    ...listCautions(evaluation).map((caveat) => `<p class="bad">${escapeHtml(caveat)}</p>`),
    '<p>The same language model (word trigrams, modified Kneser-Ney smoothing) was trained ' +
      `on ${formatCount(evaluation.trainWords)} words of each selection and measured on ` +
      'held-out text. Numbers are bits per byte, lower is better; ± is a 95% bootstrap ' +
      'interval over the held-out examples; n is the number of examples. The interval ' +
      'reflects the choice of examples, not of training words. Compared on ' +
      `${evaluation.shards.used} of ${evaluation.shards.of} shards.</p>`,
    `<p>${escapeHtml(describeFitting(evaluation))}</p>`,
    ...keeps.flatMap((keep) => section(evaluation, keep)),
    ...agreementSections(evaluation),
    ...fidelitySection(evaluation),
    '<h2>Data card</h2>',
    `<pre>${escapeHtml(JSON.stringify(card, null, 2))}</pre>`,
    '</main></body></html>',
    '',
  ].join('\n');
}

function headline({ selections }: Evaluation): string {
  const judged = selections.filter(({ verdict }) => verdict !== 'baseline');
  const losers = judged.filter(({ verdict }) => verdict === 'no better than random');
  const name = ({ scorer, keep }: EvaluatedSelection): string =>
    `${escapeHtml(scorer)} at ${formatShare(keep)}`;
  if (losers.length === 0)
    return `Every scorer's selection fits the held-out benchmark examples better than a random one of the same size.`;
  return (
    `<span class="bad">No better than random: ${losers.map(name).join(', ')}.</span> The ` +
    `other ${judged.length - losers.length} of ${judged.length} selections fit the held-out ` +
    'benchmark examples better than a random one of the same size.'
  );
}

function formatVerdict(selection: EvaluatedSelection): string {
  const text = describeVerdict(selection);
  return selection.verdict === 'no better than random' ? `<strong class="bad">${text}</strong>` : text;
}

function section(evaluation: Evaluation, keep: number): string[] {
  const rows = evaluation.selections
    .filter((selection) => selection.keep === keep || selection.scorer === noFilter)
    .toSorted((a, b) => b.targetMatch.mean.gain.value - a.targetMatch.mean.gain.value);
  const benchmarks = rows[0]?.targetMatch.benchmarks.map(({ benchmark }) => benchmark) ?? [];
  const sources = rows[0]?.makeUp.sources.map(({ source }) => source) ?? [];
  return [
    `<h2>${formatShare(keep)} of the tokens kept</h2>`,
    table(
      [
        'scorer',
        'verdict',
        'target match',
        'gain over random',
        'off-target',
        'off-target gain',
        'documents',
        'mean tokens',
        'exact duplicates',
      ],
      rows.map((selection) => {
        const { scorer, targetMatch, offTarget, makeUp } = selection;
        return [
          escapeHtml(scorer),
          formatVerdict(selection),
          formatEstimate(targetMatch.mean.bitsPerByte),
          gain(targetMatch.mean),
          formatEstimate(offTarget.mean.bitsPerByte),
          gain(offTarget.mean),
          formatCount(makeUp.documents),
          formatCount(makeUp.meanTokens),
          formatShare(makeUp.duplicatesShare),
        ];
      }),
    ),
    "<h3>Gain over random, in bits per byte on the benchmarks' held-out examples</h3>",
    gainPlot(rows),
    '<h3>By benchmark: bits per byte on its held-out test examples</h3>',
    table(
      ['scorer', ...benchmarks.map(escapeHtml)],
      rows.map(({ scorer, targetMatch }) => [
        escapeHtml(scorer),
        ...targetMatch.benchmarks.map((match) => `${formatEstimate(match.bitsPerByte)}<br>${gain(match)}`),
      ]),
    ),
    '<h3>Share of the tokens by source</h3>',
    table(
      ['source', ...rows.map(({ scorer }) => escapeHtml(scorer))],
      sources.map((source) => [
        escapeHtml(source || '(no source)'),
        ...rows.map(({ makeUp }) => bar(makeUp.sources.find((each) => each.source === source)?.share ?? 0)),
      ]),
    ),
    '<h3>Share of the tokens by winning benchmark</h3>',
    table(
      ['benchmark', ...rows.map(({ scorer }) => escapeHtml(scorer))],
      [...new Set(rows.flatMap(({ makeUp }) => makeUp.winners.map(({ benchmark }) => benchmark)))]
        .sort()
        .map((benchmark) => [
          escapeHtml(benchmark),
          ...rows.map(({ makeUp }) =>
            bar(makeUp.winners.find((each) => each.benchmark === benchmark)?.share ?? 0),
          ),
        ]),
    ),
    '<details><summary>By source: bits per byte on held-out text</summary>',
    table(
      [
        'scorer',
        ...(rows[0]?.offTarget.sources.map(
          ({ source, isTarget }) => `${escapeHtml(source || '(no source)')}${isTarget ? ' (target)' : ''}`,
        ) ?? []),
      ],
      rows.map(({ scorer, offTarget }) => [
        escapeHtml(scorer),
        ...(rows[0]?.offTarget.sources ?? []).map(({ source }) => {
          const match = offTarget.sources.find((each) => each.source === source);
          return match === undefined ? '' : `${formatEstimate(match.bitsPerByte)}<br>${gain(match)}`;
        }),
      ]),
    ),
    '</details>',
    ...rows.filter(({ margin }) => margin.length > 0).flatMap(marginSection),
  ];
}

function marginSection({ scorer, margin }: EvaluatedSelection): string[] {
  return [
    `<details><summary>Documents at the margin: ${escapeHtml(scorer)}</summary>`,
    table(
      ['', 'score', 'source', 'document', 'text'],
      margin.map(({ kept, score, source, document, excerpt }) => [
        kept ? 'kept' : 'dropped',
        score.toPrecision(6),
        escapeHtml(source),
        escapeHtml(document),
        `<span class="text">${escapeHtml(excerpt)}</span>`,
      ]),
    ),
    '</details>',
  ];
}

function agreementSections({ agreement }: Evaluation): string[] {
  const matrix = (values: readonly (readonly number[])[]): string =>
    table(
      ['', ...agreement.scorers.map(escapeHtml)],
      values.map((row, index) => [
        escapeHtml(agreement.scorers[index] ?? ''),
        ...row.map((value) => value.toFixed(2)),
      ]),
    );
  return [
    '<h2>How much scorers agree</h2>',
    `<h3>Spearman's correlation of the scores (n = ${formatCount(agreement.documents)} documents)</h3>`,
    matrix(agreement.spearman),
    ...agreement.jaccard.flatMap(({ keep, matrix: values }) => [
      `<h3>Overlap of the selections at ${formatShare(keep)}: tokens in both divided by ` +
        'tokens in either</h3>',
      matrix(values),
    ]),
  ];
}

function fidelitySection({ fidelity }: Evaluation): string[] {
  if (fidelity === null) return [];
  return [
    "<h2>How well the classifier reproduces the embedding's ranking</h2>",
    `<p>Measured on ${formatCount(fidelity.documents)} documents of the sample, each scored by a model that ` +
      'did not learn from it: of the best documents, how many are in the top 10% by the ' +
      "embedding's score (precision), and how many of the top 10% it finds (recall).</p>",
    table(
      ['kept', 'precision', 'recall'],
      fidelity.kept.map(({ keep, precision, recall }) => [
        formatShare(keep),
        ...[precision, recall].map((each) => formatEstimate({ ...each, n: fidelity.documents })),
      ]),
    ),
  ];
}
