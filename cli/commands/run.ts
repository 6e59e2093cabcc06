// `betr run`: index, train and rank; redoes only what changed.

import { type Command } from 'commander';
import { trainClassifier } from '../../classifier/train.ts';
import { runIndex } from '../../indexer/index.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { forceTestsOption, work, stepCommand, type StepOptions } from '../options.ts';
import { describeIndex } from './index.ts';
import { printResult } from '../output.ts';
import { driftExitCode } from './rank.ts';
import { describeRank, summarizeRank } from '../rank-text.ts';
import { describeTraining } from './train.ts';

interface RunOptions extends StepOptions {
  forceTests: boolean;
}

export function runCommand(): Command {
  return stepCommand('run', 'index, train and rank; redo only what changed')
    .option(...forceTestsOption)
    .action(async ({ forceTests, ...options }: RunOptions) => {
      const result = await work(options, async (run, report) => {
        const index = await runIndex(run, report, { forceTests });
        const card = await trainClassifier(run, report);
        return { index, card, rank: await rankCorpus(run, report) };
      });
      const text = [
        describeIndex(result.index),
        describeTraining(result.card),
        describeRank(result.rank),
      ].join('\n\n');
      if (result.rank.drift !== null && result.rank.drift.over.length > 0) process.exitCode = driftExitCode;
      printResult(
        options.json,
        { index: result.index, classifier: result.card, rank: summarizeRank(result.rank) },
        text,
      );
    });
}
