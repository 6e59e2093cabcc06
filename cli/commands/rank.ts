// `betr rank`: scores new and changed shards, and publishes the ranking.

import type { Command } from 'commander';
import { listOutdated } from '../../classifier/outdated.ts';
import { defaultScorer, predictPreparing } from '../../scoring/scorers/list.ts';
import { shardsOf } from '../../scoring/shard-changes.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { formatCountOf, parseWhole, formatCount, formatShare } from '../../run/amounts.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { addUpUnknown } from '../../scoring/part.ts';
import type { Drift } from '../../ranking/drift.ts';
import { predictRanking } from '../../ranking/predict.ts';
import { describeUnknown } from '../../ranking/unknown.ts';
import { prepareRanking, publishScored, type RankResult, rankCorpus } from '../../ranking/rank.ts';
import { scorerOption, stepCommand, type StepOptions, work } from '../options.ts';
import { describeEmpty, describeQuarantine, formatBytes, printResult } from '../output.ts';
import { describeCost, describePrediction } from '../prediction.ts';

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
      'use a judge (lm:JUDGE) even if it fails its exam; the notes of the ranking record it',
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

/** The result without the parts and the histogram, which are in ranking.json. */
export function summarizeRank({
  ranking,
  folder,
  published,
  drift,
  prediction,
  scores,
  withoutDocuments,
  notes,
}: RankResult): object {
  const { generation, publishedAt, documents, tokens, estimatedDocuments, unknown, textBytes, quarantined } =
    ranking;
  return {
    published,
    folder,
    ranking: {
      generation,
      publishedAt,
      documents,
      tokens,
      estimatedDocuments,
      unknown,
      textBytes,
      quarantined,
      shards: shardsOf(ranking.parts).length,
    },
    drift,
    prediction,
    ...scores,
    withoutDocuments,
    notes,
  };
}

/** The result as text. */
export function describeRank({
  ranking,
  folder,
  published,
  drift,
  prediction,
  scores,
  withoutDocuments,
  notes,
}: RankResult): string {
  const estimated = ranking.estimatedDocuments > 0 ? ' (estimated)' : '';
  const lines = [
    `Ranked ${formatCount(ranking.documents)} documents, ${formatCount(ranking.tokens)} ` +
      `tokens${estimated}; generation ${ranking.generation}${published ? '' : ', unchanged'}`,
  ];
  if (scores.shardsScored > 0)
    lines.push(
      `Scored ${formatCountOf(scores.shardsScored, 'shard')}, ${formatBytes(scores.textBytes)} of text ` +
        `in ${scores.seconds.toFixed(1)} s ` +
        `(${formatBytes(scores.textBytes / scores.seconds)}/s)${describeReused(ranking, scores)}` +
        (scores.documentsStored === 0
          ? ''
          : `. The model had judged ${formatCount(scores.documentsStored)} of ` +
            `${formatCountOf(scores.documents, 'document')} before`),
    );
  else lines.push(published ? 'Everything was already scored' : 'Nothing new to score');
  if (ranking.unknown !== undefined) lines.push(`${describeUnknown(ranking.unknown)}. They are left out`);
  if (ranking.quarantined > 0) lines.push(describeQuarantine(ranking.quarantined));
  if (withoutDocuments.empty > 0) lines.push(describeEmpty(withoutDocuments.empty));
  for (const note of notes) lines.push(`Note: ${note}`);
  lines.push(`Files: ${folder}`);
  return [
    ...lines,
    ...describeDrift(drift ?? undefined),
    ...(prediction === null ? [] : ['', describePrediction(prediction)]),
  ].join('\n');
}

/** What was scored before: whole shards, or documents of those scored now. */
function describeReused({ documents, unknown }: Ranking, scores: RankResult['scores']): string {
  if (scores.shardsReused > 0) return `; ${scores.shardsReused} reused`;
  const before = documents + addUpUnknown(unknown).documents - scores.documents;
  return before > 0 ? `; ${formatCountOf(before, 'document')} scored before` : '';
}

/** The drift as text; no lines if nothing changed that the figures show. */
export function describeDrift(drift: Drift | undefined): string[] {
  if (drift === undefined) return [];
  const { scores, sources } = drift.whole;
  const [most] = sources;
  const parts: string[] = [];
  if (scores === null) parts.push('made with another classifier, so scores cannot be compared');
  else {
    const [psi, ks] = [scores.psi.toFixed(3), scores.ks.toFixed(3)];
    if (psi !== '0.000' || ks !== '0.000') parts.push(`PSI of the scores ${psi}, largest distance ${ks}`);
  }
  if (most !== undefined) {
    const [before, now] = [formatShare(most.before), formatShare(most.now)];
    if (before !== now) parts.push(`source "${most.source}" from ${before} to ${now} of the tokens`);
  }
  return [
    ...(parts.length === 0 ? [] : [`Drift since ${drift.from}: ${parts.join('; ')}`]),
    ...drift.over.map((sentence) => `  over its threshold: ${sentence}`),
  ];
}
