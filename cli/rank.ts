// `betr rank`: scores the corpus and publishes its ranking; only what is new is scored.

import { type Command } from 'commander';
import { type RankResult, rankCorpus } from '../ranking/rank.ts';
import { work, workCommand, type WorkOptions } from './common.ts';
import { formatBytes, formatCount, printResult } from './output.ts';

export function rankCommand(): Command {
  return workCommand('rank', 'score every document of the corpus and publish the ranking (only what is new is scored)').action(async (options: WorkOptions) => {
    const result = await work(options, rankCorpus);
    printResult(options.json, summarizeRank(result), describeRank(result));
  });
}

/** The result without the parts and the histogram, which are in ranking.json. */
export function summarizeRank({ ranking, published, scores }: RankResult): object {
  const { generation, publishedAt, documents, tokens, estimatedDocuments, textBytes, quarantined } = ranking;
  return { published, ranking: { generation, publishedAt, documents, tokens, estimatedDocuments, textBytes, quarantined, shards: new Set(ranking.parts.map(({ shard }) => shard)).size }, ...scores };
}

/** The result as a person reads it. */
export function describeRank({ ranking, published, scores }: RankResult): string {
  const estimated = ranking.estimatedDocuments > 0 ? ' (estimated)' : '';
  const lines = [`Ranked ${formatCount(ranking.documents)} documents, ${formatCount(ranking.tokens)} tokens${estimated}; generation ${ranking.generation}${published ? '' : ', as before'}`];
  if (scores.shardsScored > 0) lines.push(`Scored ${scores.shardsScored} shards, ${formatBytes(scores.textBytes)} of text in ${scores.seconds.toFixed(1)} s (${formatBytes(scores.textBytes / scores.seconds)}/s); ${scores.shardsReused} were scored already`);
  else lines.push('Nothing new to score');
  if (ranking.quarantined > 0) lines.push(`${formatCount(ranking.quarantined)} bad rows were left out; quarantine/ in the run folder says which and why`);
  return lines.join('\n');
}
