// `betr rank`: scores new and changed shards, and publishes the ranking.

import type { Command } from 'commander';
import { listOutdated } from '../../classifier/outdated.ts';
import { defaultScorer, predictPreparing } from '../../scoring/scorers/list.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { parseWhole } from '../../run/amounts.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { prepareRanking, publishScored, rankCorpus } from '../../ranking/rank.ts';
import { scorerOption, stepCommand, type StepOptions, work } from '../options.ts';
import { printResult } from '../output.ts';
import { describeCost, describePrediction } from '../prediction.ts';
import { summarizeRank, describeRank } from '../rank-text.ts';

export function rankCommand(): Command {
  return stepCommand(
    'rank',
    'score every document of the corpus and publish the ranking; only new and changed shards are scored',
  )
    .option(...scorerOption)
    .option(
      '--all',
      'with --scorer lm:JUDGE: the judge reads every document, not only the sample; short for lm:JUDGE#all',
      false,
    )
    .option('--workers <count>', 'worker processes (default: workers in the settings)', (text) =>
      parseWorkers(text),
    )
    .option('--publish-only', 'publish what workers (betr work) have scored, without scoring', false)
    .option(
      '--dry-run',
      'read about 1% of what remains to be scored, and predict time, memory, disk and kept tokens',
      false,
    )
    .option(
      '--force-judge',
      'use a judge (lm:JUDGE) even if it fails its exam; the ranking then has a warning',
      false,
    )
    .action(async (given: RankOptions) => {
      const options = { ...given, scorer: scorerOf(given) };
      if (options.dryRun && options.publishOnly)
        throw fail('USAGE', { problem: 'Give --dry-run or --publish-only, not both.' });
      if (options.dryRun) {
        await predict(options);
        return;
      }
      const result = await work(options, async (run, report) => {
        const ranked = await (options.publishOnly
          ? publishScored(run, report, options.scorer)
          : rankCorpus(withWorkers(run, options.workers), report, options.scorer, options));
        return {
          ...ranked,
          notes: [...ranked.notes, ...(options.scorer === defaultScorer ? await listOutdated(run) : [])],
        };
      });
      printResult(options.json, summarizeRank(result), describeRank(result));
      if (result.drift !== null && result.drift.over.length > 0) process.exitCode = driftExitCode;
    });
}

/** The ranking is published, but differs from the previous one by more than the settings allow. */
export const driftExitCode = 4;

async function predict(options: RankOptions): Promise<void> {
  const { sample, prediction } = await work(options, async (run, report) => {
    const cost = await predictPreparing(run, options.scorer, report);
    // The classifier that would rank the corpus learns from the judged sample.
    return cost === undefined
      ? {
          prediction: await predictRanking(
            await prepareRun(withWorkers(run, options.workers), options, report),
            report,
          ),
        }
      : { sample: cost };
  });
  if (prediction !== undefined) printResult(options.json, prediction, describePrediction(prediction));
  else
    printResult(
      options.json,
      { sample },
      `The judge has not scored the sample. ${describeCost(sample)}\n` +
        'A classifier then ranks the corpus without the model.',
    );
}

async function prepareRun(main: Run, options: RankOptions, report: Report): Promise<Run> {
  return (await prepareRanking(main, options.scorer, report, options)).run;
}

/** The scorer, in full. Errors: USAGE. */
function scorerOf({ scorer, all }: RankOptions): string {
  if (!all || /^lm:.*#all$/.test(scorer)) return scorer;
  if (!scorer.startsWith('lm:')) throw fail('USAGE', { problem: '--all needs --scorer lm:JUDGE.' });
  return `${scorer}#all`;
}

interface RankOptions extends StepOptions {
  all: boolean;
  dryRun: boolean;
  workers?: number;
  scorer: string;
  publishOnly: boolean;
  forceJudge: boolean;
}

function withWorkers(run: Run, workers = run.settings.workers): Run {
  return { ...run, settings: { ...run.settings, workers } };
}

/** A number of workers. Errors: OPTION_INVALID. */
export function parseWorkers(text: string, option = '--workers'): number {
  return parseWhole(option, text, 1, 1024);
}
