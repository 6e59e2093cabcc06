// What the commands share: the options they all have, and opening the run they work on.

import { Command, Option } from 'commander';
import type { Report } from '../run/progress.ts';
import { withLock } from '../data/files/lock.ts';
import { defaultScorer, rankingRun } from '../scoring/scorers/list.ts';
import { openRun, type Run } from '../run/run.ts';
import { openProgress } from './output.ts';
import { openJsonProgress } from './progress-lines.ts';

export interface CommonOptions {
  config: string;
  json: boolean;
}

/** A command with the options that every command has. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(
      new Option('--config <file>', 'settings file, or the folder that it is in')
        .default('betr.yaml')
        .env('BETR_CONFIG'),
    )
    .option('--json', 'print the result as JSON', false);
}

export interface RankingOptions extends CommonOptions {
  scorer: string;
}

/** A command that works on one of the run's rankings. */
export function rankingCommand(name: string, description: string): Command {
  return command(name, description).option(...scorerOption);
}

/** The option that says which ranking is meant. */
export const scorerOption = [
  '--scorer <name>',
  'whose ranking: betr, random, length, dsir, fasttext:FILE.bin#LABEL, head:MODEL, … (docs/scorers.md)',
  defaultScorer,
] as const;

/** Opens the run with the ranking that is meant. Errors: those of `openRun`, SCORER_UNKNOWN. */
export async function openRanking({ config, scorer }: RankingOptions): Promise<Run> {
  return rankingRun(await openRun(config), scorer);
}

export interface StepOptions extends CommonOptions {
  progress: 'text' | 'json';
}

/** A command that does a step's work. */
export function stepCommand(name: string, description: string): Command {
  return command(name, description).addOption(
    new Option('--progress <format>', 'how progress is told on standard error')
      .choices(['text', 'json'])
      .default('text'),
  );
}

/** The option of the commands that index. */
export const forceTestsOption = [
  '--force-tests',
  'aim at benchmark examples that are test items (benchmarks[].tests) all the same; index.json, the ' +
    "ranking and every selection's manifest say so",
  false,
] as const;

/** The argument that may stand in place of --config. */
export const runArgument = [
  '[run]',
  'settings file, or the folder that it is in, or that of the run; in place of --config',
] as const;

/** Progress on standard error, in the format asked for. */
export function openProgressOf({ progress }: StepOptions): ReturnType<typeof openProgress> {
  return progress === 'json' ? openJsonProgress() : openProgress();
}

/** Does a step's work as the run's only writer, with progress on standard error. */
export async function work<T>(
  options: StepOptions,
  step: (run: Run, report: Report) => Promise<T>,
): Promise<T> {
  const run = await openRun(options.config);
  const progress = openProgressOf(options);
  try {
    return await withLock(run, () => step(run, progress.report), progress.report);
  } finally {
    progress.end();
  }
}
