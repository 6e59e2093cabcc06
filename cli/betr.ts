#!/usr/bin/env node
// The `betr` command: one file a subcommand, errors and exit codes in one place.

import { Command, CommanderError } from 'commander';
import { BetrError, errorData, fail, reasonOf, systemCode } from '../data/errors.ts';
import { readVersion } from '../data/version.ts';
import { commands, exitCodes } from './commands.ts';

const program = new Command('betr')
  .description('Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the compute budget.')
  .version(readVersion())
  .addHelpText('after', exitCodes)
  .showHelpAfterError('(betr --help says what there is)')
  .exitOverride();

const [asked = ''] = process.argv.slice(2);
for (const [name, load] of Object.entries(commands)) {
  if (name === asked || !Object.hasOwn(commands, asked)) program.addCommand((await load()).copyInheritedSettings(program));
}

// A command that has something to give back listens too, and ends by itself.
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(code);
  });
}
// Whoever read our output has gone (betr … | head): there is nobody to tell, and nothing is wrong.
for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => process.exit(systemCode(error) === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
// What goes into a pipe is written in the background, as fast as it is read: an exit would cut it off after 64 KiB.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
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
