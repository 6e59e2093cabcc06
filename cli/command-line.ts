// A command line of `betr`, carried out: its output goes to the process's streams, its exit code is returned.

import { Command, CommanderError } from 'commander';
import { BetrError, errorData, fail, knownError } from '../run/errors/errors.ts';
import { minOpenFiles, readOpenFilesLimit } from '../data/files/process.ts';
import { readVersion } from '../run/version.ts';
import { commands, exitCodes } from './commands.ts';

/**
 * Carries out a command line (without the program's name). Nothing is thrown: what is wrong is told on
 * standard error, and by the exit code.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  process.exitCode = 0;
  let running: Command | undefined;
  try {
    checkOpenFiles();
    const program = await openProgram(args[0] ?? '');
    program.hook('preAction', (_program, command) => {
      running = command;
    });
    await program.parseAsync(args, { from: 'user' });
    // A command that did what it was asked may still have found something to tell by the code.
    return process.exitCode;
  } catch (error) {
    return report(byItsFlag(error, running), args.includes('--json'));
  }
}

/** With too few, Node.js cannot load the commands, and says what does not help. Errors: OPEN_FILES_LIMIT. */
function checkOpenFiles(): void {
  const limit = readOpenFilesLimit();
  if (limit < minOpenFiles) throw fail('OPEN_FILES_LIMIT', { limit, least: minOpenFiles });
}

/** The program with the command that is asked for, or with all of them where there is no such command. */
async function openProgram(asked: string): Promise<Command> {
  const program = new Command('betr')
    .description(
      'Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the compute budget.',
    )
    .version(readVersion())
    .addHelpText('after', exitCodes)
    .showHelpAfterError('(betr --help says what there is)')
    .exitOverride();
  // To load all of them takes half a second.
  const needsAll = !Object.hasOwn(commands, asked) && asked !== '--version' && asked !== '-V';
  for (const [name, load] of Object.entries(commands)) {
    if (name === asked || needsAll) program.addCommand((await load()).copyInheritedSettings(program));
  }
  return program;
}

/**
 * An error about an option by the name that it was given by here: what answers questions for the server too
 * knows --pool-tokens as poolTokens.
 */
function byItsFlag(error: unknown, command: Command | undefined): unknown {
  if (!(error instanceof BetrError) || error.code !== 'OPTION_INVALID') return error;
  const { option: name, got, allowed } = error.values;
  const flag = command?.options.find(
    (option) =>
      option.attributeName() === name && command.getOptionValueSource(option.attributeName()) === 'cli',
  )?.long;
  return typeof flag === 'string'
    ? fail('OPTION_INVALID', { option: flag, got: String(got), allowed: String(allowed) }, error)
    : error;
}

/** Tells an error where the user looks for it, and returns the exit code. */
export function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (error instanceof CommanderError) {
    // Its words are on standard error already.
    if (json) printError(fail('USAGE', { problem: error.message.replace(/^error: /, '') }));
    return 2;
  }
  const known = knownError(error);
  if (json) printError(known);
  process.stderr.write(`betr: ${known.message} [${known.code}]\n`);
  return known.exitCode;
}

function printError(error: BetrError): void {
  process.stdout.write(`${JSON.stringify({ error: errorData(error) }, null, 2)}\n`);
}
