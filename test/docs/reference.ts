// The reference pages that are made from the product itself: docs/commands.md from the commands, docs/errors.md from the catalogue of errors.

import type { Command, Option } from 'commander';
import { commands, exitCodes } from '../../cli/commands.ts';
import { catalogueEntries, fail } from '../../data/errors.ts';

/** The pages by their names in docs/. */
export async function makeReference(): Promise<Record<string, string>> {
  return { 'commands.md': await describeCommands(), 'errors.md': describeErrors() };
}

/** One after the other, as Jest's loader cannot load what several share at once. */
export async function loadCommands(): Promise<Command[]> {
  const loaded: Command[] = [];
  for (const load of Object.values(commands)) loaded.push(await load());
  return loaded;
}

async function describeCommands(): Promise<string> {
  const sections = (await loadCommands()).map((command) => {
    const usage = ['betr', command.name(), ...command.registeredArguments.map((argument) => (argument.required ? argument.name().toUpperCase() : `[${argument.name().toUpperCase()}]`)), '[options]'].join(' ');
    const given = command.registeredArguments.filter(({ description }) => description !== '').map((argument) => `| \`${argument.name().toUpperCase()}\` | ${cell(argument.description)} |`);
    return [`## betr ${command.name()}`, '', sentence(command.description()), '', '```', usage, '```', '', '| option | |', '|---|---|', ...given, ...command.options.map(describeOption), ''].join('\n');
  });
  return [
    '# Commands',
    '',
    'Made by `npm run docs` from the commands themselves; `betr COMMAND --help` says the same. Results go to standard output, progress and problems to standard error.',
    'With `--json` an error is on standard output too, as `{"error": {"code", "values", "message"}}` ([all of them](errors.md)).',
    '',
    ...sections,
    '## Exit codes',
    '',
    `${exitCodes.trim().replace(/^Exit codes: /, '').replaceAll('\n', ' ')}.`,
    '',
  ].join('\n');
}

function describeOption(option: Option): string {
  const notes = [
    ...(option.argChoices === undefined ? [] : [option.argChoices.join(', ')]),
    ...(option.defaultValue === undefined || option.defaultValue === false ? [] : [`default: ${String(option.defaultValue)}`]),
    ...(option.envVar === undefined ? [] : [`environment: ${option.envVar}`]),
  ];
  return `| \`${cell(option.flags)}\` | ${cell(option.description)}${notes.length === 0 ? '' : ` (${cell(notes.join('; '))})`} |`;
}

function describeErrors(): string {
  const rows = catalogueEntries().map(({ code, status, exit, example }) => `| \`${code}\` | ${status} | ${exit} | ${cell(example)} |`);
  return [
    '# Errors',
    '',
    'Made by `npm run docs` from the catalogue, `data/errors.ts`. A code never changes its meaning; over HTTP an error is problem JSON (RFC 9457) with the code in `code`.',
    '',
    '| code | HTTP | exit | says |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
}

function sentence(text: string): string {
  if (text === '') throw fail('INTERNAL', { reason: 'a command says nothing of itself' });
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
}
