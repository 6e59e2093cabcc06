// Runs a betr command line: output goes to the process's streams, the exit code is returned.

import { Command, CommanderError } from 'commander';
import { BetrError, errorData, fail, knownError } from '../run/errors/errors.ts';
import { minOpenFiles, readOpenFilesLimit } from '../data/files/process.ts';
import { readVersion } from '../run/version.ts';
import { commands, exitCodes } from './commands.ts';

/**
 * Runs a command line (without the program name). Never throws: errors go to standard error and into the
 * exit code.
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
    // A command may succeed and still set an exit code.
    return process.exitCode;
  } catch (error) {
    return report(nameFlag(error, running), args.includes('--json'));
  }
}

/**
 * With too few open files Node.js cannot load the commands and prints a misleading error. Errors:
 * OPEN_FILES_LIMIT.
 */
function checkOpenFiles(): void {
  const limit = readOpenFilesLimit();
  if (limit < minOpenFiles) throw fail('OPEN_FILES_LIMIT', { limit, least: minOpenFiles });
}

/** The program with the requested command, or with all commands if there is no such command. */
async function openProgram(name: string): Promise<Command> {
  const program = new Command('betr')
    .description(
      'Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the compute budget.',
    )
    .version(readVersion())
    .addHelpText('after', exitCodes)
    .showHelpAfterError('(betr --help lists the commands)')
    .exitOverride();
  // Loading all of them takes half a second.
  const needsAll = !Object.hasOwn(commands, name) && name !== '--version' && name !== '-V';
  for (const [each, load] of Object.entries(commands)) {
    if (each !== name && !needsAll) continue;
    const command = (await load()).copyInheritedSettings(program);
    for (const part of command.commands) part.copyInheritedSettings(command);
    program.addCommand(command);
  }
  return program;
}

/**
 * Names the flag in an error about an option: the code that answers questions is shared with the server and
 * calls --pool-tokens poolTokens.
 */
function nameFlag(error: unknown, command: Command | undefined): unknown {
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

/** Prints an error and returns the exit code. */
export function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  if (error instanceof CommanderError) {
    // Commander has already printed the message.
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
