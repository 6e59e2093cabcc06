// `betr index`: embeds the benchmark examples and a sample of the corpus, and scores the sampled documents.

import { type Command } from 'commander';
import { type IndexResult, runIndex } from '../../indexer/index.ts';
import { formatCount, formatCountOf, formatShare } from '../../run/amounts.ts';
import { describeReport } from './examples.ts';
import { forceTestsOption, work, stepCommand, type StepOptions } from '../options.ts';
import {
  describeEmpty,
  describeQuarantine,
  formatBytes,
  formatTable,
  printResult,
  excerptOf,
} from '../output.ts';

interface IndexCommandOptions extends StepOptions {
  forceTests: boolean;
}

export function indexCommand(): Command {
  return stepCommand('index', 'embed the benchmark examples and a sample of the corpus, and score the sample')
    .option(...forceTestsOption)
    .action(async ({ forceTests, ...options }: IndexCommandOptions) => {
      const card = await work(options, (run, report) => runIndex(run, report, { forceTests }));
      printResult(options.json, card, describeIndex(card));
    });
}

/** The card as text. */
export function describeIndex({
  corpus,
  sample,
  examples,
  embedding,
  search,
  ranks,
  warnings,
  fresh,
}: IndexResult): string {
  const top = ranks.winners.reduce((sum, winner) => sum + winner.top, 0);
  const winners = new Map(ranks.winners.map((winner) => [winner.benchmark, winner.top]));
  const lines = [
    ...(fresh ? ['The index is up to date:'] : []),
    `Read ${formatCount(corpus.documents)} documents (${formatBytes(corpus.textBytes)} of text) ` +
      `in ${formatCountOf(corpus.shards, 'shard')}; sampled ${formatCount(sample.documents)}, ` +
      `dropped ${formatCount(sample.duplicateTexts)} duplicates`,
    `Embedded with ${embedding.model} on ${embedding.device} ` +
      `(${embedding.source}): ${formatCount(embedding.embedded)} texts ` +
      `in ${embedding.seconds.toFixed(1)} s, ${formatCount(embedding.reused)} reused`,
    `Nearest documents by ${search.method} search (${search.why}); the HNSW index ` +
      `finds ${formatShare(search.hnsw.recall)} of them`,
    formatTable([
      ['benchmark', 'examples', 'rows rejected', 'wins in the top 10%'],
      ...examples.map(({ benchmark, examples: count, quarantined: refused }) => [
        benchmark,
        formatCount(count),
        formatCount(refused),
        formatShare((winners.get(benchmark) ?? 0) / Math.max(1, top)),
      ]),
    ]),
    ...examples.flatMap((one) => [
      `${one.benchmark}:`,
      ...describeReport(one),
      ...one.shown.map(({ text }) => `  example: ${excerptOf(text)}`),
    ]),
    'Run "betr examples" to see these examples in full.',
  ];
  const quarantined =
    corpus.quarantined +
    embedding.refused +
    examples.reduce((sum, benchmark) => sum + benchmark.quarantined, 0);
  if (quarantined > 0) lines.push(describeQuarantine(quarantined));
  if (corpus.withoutDocuments.empty > 0) lines.push(describeEmpty(corpus.withoutDocuments.empty));
  return [...lines, ...warnings.map((warning) => `Note: ${warning}`)].join('\n');
}
