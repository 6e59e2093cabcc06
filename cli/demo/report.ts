// Prints the demo's result: the input, what was learned, what each budget keeps, what the cut does, and
// what to try next.

import { relative } from 'node:path';
import { formatAmount, formatCount, formatFlops, formatShare } from '../../run/amounts.ts';
import { shorten } from '../../run/shorten.ts';
import { formatBytes, formatTable } from '../output.ts';
import type { Answer } from '../../ranking/budget/question.ts';
import type { Demo } from './result.ts';

/** The demo's result as text. */
export function describeDemo(demo: Demo): string {
  return [
    describeInputs,
    describeLearning,
    describeFavored,
    describeBudgets,
    describeCut,
    describeFiles,
    describeNext,
  ]
    .map((describe) => describe(demo).join('\n'))
    .join('\n\n');
}

function describeInputs({ corpus, rank: { ranking }, index }: Demo): string[] {
  return [
    `CORPUS  ${formatCount(ranking.documents)} documents, about ${formatAmount(ranking.tokens)} tokens ` +
      `(estimated), ${formatBytes(ranking.textBytes)} of real text in ${corpus.sources.length} files`,
    `BENCHMARKS  ${index.examples.map(({ benchmark, examples }) => `${benchmark} (${examples} examples)`).join(', ')}`,
  ];
}

function describeLearning({ index, classifier, rank, seconds }: Demo): string[] {
  const { embedding, sample, ranks } = index;
  const speed = (count: number, ofSeconds: number): string =>
    ofSeconds > 0 ? ` (${formatCount(count / ofSeconds)}/s)` : '';
  const embedded =
    index.fresh || embedding.embedded === 0
      ? 'all reused from an earlier run'
      : `${formatCount(embedding.embedded)} texts embedded in ${embedding.seconds.toFixed(0)} ` +
        `s${speed(embedding.embedded, embedding.seconds)}` +
        (embedding.reused > 0 ? `, ${formatCount(embedding.reused)} reused` : '');
  const scored =
    rank.scores.shardsScored === 0
      ? 'all reused from an earlier run'
      : `${formatBytes(rank.scores.textBytes)} scored in ${rank.scores.seconds.toFixed(1)} s ` +
        `(${formatBytes(rank.scores.textBytes / rank.scores.seconds)}/s, including reading and writing)`;
  return [
    `INDEX   ${formatCount(sample.documents)} sampled documents ` +
      `and ${formatCount(index.examples.reduce((sum, { examples }) => sum + examples, 0))} ` +
      `examples: ${embedded}; ${embedding.model} on ${embedding.device}`,
    '        target: best rank of each sampled document over all examples ' +
      `(${ranks.documentsPerExample.toFixed(0)} documents per example; the paper used about 700)`,
    `TRAIN   a text classifier on ${formatCount(classifier.documents.training)} documents; ` +
      `cross-fitted fidelity on ${formatCount(classifier.crossFit.measured)} documents, for the joint target ` +
      'and for each benchmark:',
    formatTable([
      ['        ', 'ROC-AUC', '95% interval', 'precision at 10% kept (chance: 10%)'],
      ...classifier.outputs.map(({ name, heldOut: { rocAuc, kept } }) => [
        `        ${name}`,
        rocAuc.value.toFixed(3),
        `${rocAuc.low.toFixed(3)}–${rocAuc.high.toFixed(3)}`,
        formatShare(kept.find(({ keep }) => keep === 0.1)?.precision.value ?? 0),
      ]),
    ]),
    `RANK    ${scored}`,
    `TIME    ${seconds.total.toFixed(0)} s in total, ${seconds.cpu.toFixed(0)} s of CPU time: ` +
      `prepare ${seconds.prepare.toFixed(0)}, index ${seconds.index.toFixed(0)}, ` +
      `train ${seconds.train.toFixed(0)}, rank ${seconds.rank.toFixed(0)}, answer and ` +
      `select ${seconds.answer.toFixed(0)}`,
  ];
}

function describeFavored({ favoured }: Demo): string[] {
  return [
    `WHAT EACH TARGET FAVORS  the most favored sources in its best ${formatShare(favoured.share)} of the ` +
      'tokens (× their share with no filter), and its best document',
    formatTable([
      ['target', 'first', 'second', 'best document'],
      ...favoured.outputs.map(({ output, sources, best }) => [
        output,
        ...[0, 1].map(
          (place) => `${sources[place]?.source ?? ''} × ${(sources[place]?.lift ?? 0).toFixed(1)}`,
        ),
        shorten(best, 60),
      ]),
    ]),
  ];
}

function describeBudgets({ answers, rank: { ranking } }: Demo): string[] {
  const pool = answers[0]?.pool.pool?.tokens ?? 0;
  return [
    `BUDGETS  how much to keep, by the keep-rate law ${answers[0]?.pool.law?.name ?? ''}`,
    formatTable([
      [
        'FLOPs',
        'model',
        'tokens',
        'keep rate, this corpus alone',
        `keep rate, pool of ${formatAmount(pool)} tokens like it`,
        'cutoff in this corpus',
      ],
      ...answers.map(({ budget, corpus, pool: answer }) => [
        formatFlops(budget),
        formatAmount(answer.model?.params ?? 0),
        formatAmount(answer.model?.tokens ?? 0),
        `${formatShare(corpus.keep.rate)}, ${formatCount(corpus.repetition?.epochs ?? 1)} epochs`,
        `${formatShare(answer.keep.rate)} (${formatShare(answer.keep.low)} to ${formatShare(answer.keep.high)})`,
        describeKept(answer),
      ]),
    ]),
    'The laws were fitted on pools of trillions of tokens. This corpus ' +
      `has ${formatAmount(ranking.tokens)}; on its own, all of it would be kept and repeated far too often.`,
    'With --pool-tokens, betr treats the corpus as a sample of a pool of that size. Use it this way.',
  ];
}

function describeKept({ cutoff }: Pick<Answer, 'cutoff'>): string {
  return `${formatCount(cutoff.documents)} documents, score ≥ ${cutoff.score?.toFixed(3) ?? 'none'}`;
}

function describeCut({ selection }: Demo): string[] {
  const { answer, composition, documents, tokens } = selection;
  return [
    `THE CUT  the best ${formatShare(answer.keep.rate)} for ${formatFlops(answer.model?.flops ?? 0)} ` +
      `FLOPs: ${formatCount(documents)} documents, ${formatCount(tokens)} ` +
      `tokens${answer.flags.includes('tokens-estimated') ? ' (estimated)' : ''}`,
    formatTable([
      ['source', 'documents', 'share with no filter', 'after the cut', 'change', 'kept'],
      ...composition.map(({ source, before, after, lift, kept }) => [
        source,
        formatCount(before.documents),
        formatShare(before.share),
        formatShare(after.share),
        `${lift.toFixed(2)} ×`,
        formatShare(kept),
      ]),
    ]),
  ];
}

function describeFiles({ files, selection }: Demo): string[] {
  const rows: [string, string][] = [
    [files.settings, 'the settings'],
    [files.corpus, 'the corpus; benchmarks/ is next to it'],
    [files.licences, 'licenses of the texts'],
    [files.run, 'index, classifier, scores, ranking'],
    [
      files.selection,
      `selection.parquet, manifest.json and the kept documents (${selection.files.length} files)`,
    ],
    [files.figure, 'chart of the cut'],
  ];
  return ['FILES', ...formatColumns(rows.map(([path, what]) => [relative(process.cwd(), path), what]))];
}

function describeNext({ files }: Demo): string[] {
  const settings = relative(process.cwd(), files.settings);
  return [
    'NEXT',
    ...formatColumns([
      [`npx betr cutoff --config ${settings} --params 7B --pool-tokens 1e12`, 'another budget'],
      [`npx betr select --config ${settings} --keep 10% --out best-tenth`, 'another cut'],
      [
        `npx betr run --config ${settings}`,
        'after you change the settings, a benchmark or the corpus; redoes only what changed',
      ],
      ['npx betr init', 'settings for your own corpus'],
    ]),
  ];
}

function formatColumns(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
