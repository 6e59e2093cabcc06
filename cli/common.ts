// What the commands share: the options they all have, and opening the run they work on.

import { Command, Option } from 'commander';
import type { Report } from '../data/progress.ts';
import { withLock } from '../data/lock.ts';
import { openRun, type Run } from '../data/run.ts';
import { openProgress } from './output.ts';
import { openJsonProgress } from './progress-lines.ts';

export interface CommonOptions {
  config: string;
  json: boolean;
}

/** What a signal to end does to a command; a server stops in its own way. */
export const endAtOnce = { SIGINT: () => process.exit(130), SIGTERM: () => process.exit(143) };

/** A command with the options that every command has. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--config <file>', 'settings file', 'betr.yaml')
    .option('--json', 'print the result as JSON', false);
}

export interface WorkOptions extends CommonOptions {
  progress: 'text' | 'json';
}

/** A command that does a step's work. */
export function workCommand(name: string, description: string): Command {
  return command(name, description).addOption(new Option('--progress <format>', 'how progress is told on standard error').choices(['text', 'json']).default('text'));
}

/** Does a step's work as the run's only writer, with progress on standard error. */
export async function work<T>(options: WorkOptions, step: (run: Run, report: Report) => Promise<T>): Promise<T> {
  const run = await openRun(options.config);
  const progress = options.progress === 'json' ? openJsonProgress() : openProgress();
  try {
    return await withLock(run, () => step(run, progress.report));
  } finally {
    progress.end();
  }
}
