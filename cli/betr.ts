#!/usr/bin/env node
// The `betr` command: one file a subcommand, errors and exit codes in one place.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { BetrError, errorData, fail, reasonOf, systemCode } from '../data/errors.ts';
import { cutoffCommand } from './cutoff.ts';
import { demoCommand } from './demo.ts';
import { indexCommand } from './index.ts';
import { initCommand } from './init.ts';
import { leaksCommand } from './leaks.ts';
import { rankCommand } from './rank.ts';
import { runCommand } from './run.ts';
import { selectCommand } from './select.ts';
import { statusCommand } from './status.ts';
import { trainCommand } from './train.ts';

const exitCodes = `
Exit codes: 0 done · 1 the run or its data is at fault · 2 the command line or the settings are ·
3 another betr works on this run · 70 a defect of betr · 130 interrupted`;

const program = new Command('betr')
  .description('Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the compute budget.')
  .version(readVersion())
  .addHelpText('after', exitCodes)
  .showHelpAfterError('(betr --help says what there is)')
  .exitOverride();

for (const command of [initCommand(), indexCommand(), trainCommand(), rankCommand(), cutoffCommand(), selectCommand(), runCommand(), leaksCommand(), statusCommand(), demoCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
// Whoever read our output has gone (betr … | head): there is nobody to tell, and nothing is wrong.
for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => process.exit(systemCode(error) === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// Worker threads and native thread pools may still wind down; the work is done.
process.exit();

/** Tells an error where the user looks for it, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const json = process.argv.includes('--json');
  if (error instanceof CommanderError) {
    // Its words are on standard error already.
    if (json) printError(fail('USAGE', { problem: error.message.replace(/^error: /, '') }));
    return 2;
  }
  const known = error instanceof BetrError ? error : fail('INTERNAL', { reason: error instanceof Error ? (error.stack ?? reasonOf(error)) : reasonOf(error) });
  if (json) printError(known);
  process.stderr.write(`betr: ${known.message} [${known.code}]\n`);
  return known.exitCode;
}

function printError(error: BetrError): void {
  process.stdout.write(`${JSON.stringify({ error: errorData(error) }, null, 2)}\n`);
}

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}
