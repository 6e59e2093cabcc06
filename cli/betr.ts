#!/usr/bin/env node
// The `betr` command: one file a subcommand, errors and exit codes in one place.

import { Command, CommanderError } from 'commander';
import { BetrError, errorData, fail, reasonOf } from '../data/errors.ts';
import { readVersion } from '../data/version.ts';
import { calibrateCommand } from './calibrate.ts';
import { endAtOnce } from './common.ts';
import { compareCommand } from './compare.ts';
import { cutoffCommand } from './cutoff.ts';
import { indexCommand } from './index.ts';
import { initCommand } from './init.ts';
import { rankCommand } from './rank.ts';
import { runCommand } from './run.ts';
import { selectCommand } from './select.ts';
import { serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';
import { trainCommand } from './train.ts';
import { whyCommand } from './why.ts';

const exitCodes = `
Exit codes: 0 done · 1 the run or its data is at fault · 2 the command line or the settings are ·
3 another betr works on this run · 70 a defect of betr · 130 interrupted`;

const program = new Command('betr')
  .description('Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the compute budget.')
  .version(readVersion())
  .addHelpText('after', exitCodes)
  .showHelpAfterError('(betr --help says what there is)')
  .exitOverride();

for (const command of [initCommand(), indexCommand(), trainCommand(), rankCommand(), cutoffCommand(), selectCommand(), runCommand(), statusCommand(), compareCommand(), calibrateCommand(), serveCommand(), whyCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

process.on('SIGINT', endAtOnce.SIGINT);
process.on('SIGTERM', endAtOnce.SIGTERM);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Worker threads and native thread pools may still wind down; the work is done.
process.exit();

/** Tells an error where the user looks for it, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const known = error instanceof BetrError ? error : fail('INTERNAL', { reason: error instanceof Error ? (error.stack ?? reasonOf(error)) : reasonOf(error) });
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: errorData(known) }, null, 2)}\n`);
  process.stderr.write(`betr: ${known.message} [${known.code}]\n`);
  return known.exitCode;
}
