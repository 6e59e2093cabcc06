// `betr select`: writes what a cutoff keeps, as row numbers and scores or as the documents themselves, with a manifest.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isRemote } from '../data/remote/store.ts';
import { readDomains } from '../indexer/domains/result.ts';
import { readRanking } from '../ranking/generation.ts';
import { type DomainColumn, domainColumns } from '../ranking/quotas.ts';
import { writeSelection } from '../ranking/select.ts';
import { openRanking, rankingCommand, type RankingOptions } from './common.ts';
import { formatCount, openProgress, printResult } from './output.ts';
import { questionOptions, type QuestionOptions, readQuestion } from './question.ts';

interface SelectOptions extends RankingOptions, QuestionOptions {
  out: string;
  format: 'rows' | 'documents';
  quotas?: 'domains';
  quotasBy: DomainColumn;
}

export function selectCommand(): Command {
  return questionOptions(rankingCommand('select', 'write the documents above the cutoff: selection.parquet (shard, row, document, score), or the documents in the corpus\'s own format'))
    .requiredOption('--out <dir>', 'folder (or s3:// address) for the selection and its manifest.json')
    .addOption(new Option('--format <kind>', 'what to write').choices(['rows', 'documents']).default('rows'))
    .addOption(new Option('--quotas <what>', 'cut within each domain, up to its weight of the kept tokens, as betr domains weighed them').choices(['domains']))
    .addOption(new Option('--quotas-by <what>', 'what a document\'s domain is').choices(domainColumns).default('source'))
    .action(async (options: SelectOptions) => {
      const question = readQuestion(options);
      const run = await openRanking(options);
      const out = isRemote(options.out) ? options.out : resolve(options.out);
      const quotas = options.quotas === undefined ? undefined : { weights: (await readDomains(run)).domains, by: options.quotasBy };
      const progress = openProgress();
      const manifest = await writeSelection(run, await readRanking(run), question, out, { format: options.format, quotas }, progress.report).finally(progress.end);
      printResult(options.json, manifest, `${manifest.answer.summary}\nWrote ${formatCount(manifest.answer.cutoff.documents)} documents to ${out} (${manifest.files.length} files and manifest.json)`);
    });
}
