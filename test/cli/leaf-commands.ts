import type { Command } from 'commander';

/** The commands at and below a command that have none below themselves. */
export function leafCommands(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leafCommands);
}
