// Options that commands share, and opening the run they work on.

import { Command, Option } from 'commander';
import type { Report } from '../run/progress.ts';
import { withLock } from '../data/files/lock.ts';
import { defaultScorer, rankingRun, scorerKinds } from '../scoring/scorers/list.ts';
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
      new Option('--config <file>', 'settings file, or its folder').default('betr.yaml').env('BETR_CONFIG'),
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

/** The option that chooses a ranking. */
export const scorerOption = [
  '--scorer <name>',
  `scorer of the ranking: ${scorerKinds.map(({ usage }) => usage).join(', ')} (docs/scorers.md)`,
  defaultScorer,
] as const;

/** Opens the run with the ranking that --scorer names. Errors: those of `openRun`, SCORER_UNKNOWN. */
export async function openRanking({ config, scorer }: RankingOptions): Promise<Run> {
  return rankingRun(await openRun(config), scorer);
}

export interface StepOptions extends CommonOptions {
  progress: 'text' | 'json';
}

/** A command that runs a step. */
export function stepCommand(name: string, description: string): Command {
  return command(name, description).addOption(
    new Option('--progress <format>', 'format of the progress on standard error')
      .choices(['text', 'json'])
      .default('text'),
  );
}

/** The option of the commands that index. */
export const forceTestsOption = [
  '--force-tests',
  'use benchmark examples even if they are test items (benchmarks[].tests); index.json, the ranking ' +
    "and every selection's manifest record it",
  false,
] as const;

/** The argument that replaces --config. */
export const runArgument = [
  '[run]',
  'settings file, its folder, or the run folder; replaces --config',
] as const;

/** Progress on standard error, in the requested format. */
export function openProgressOf({ progress }: StepOptions): ReturnType<typeof openProgress> {
  return progress === 'json' ? openJsonProgress() : openProgress();
}

/** Runs a step as the run's only writer, with progress on standard error. */
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
