// The reference pages that are made from the product itself: docs/commands.md from the commands, docs/errors.md from the catalogue of errors, docs/recipes.md from the recipes.

import type { Command, Option } from 'commander';
import { commands, exitCodes } from '../../cli/commands.ts';
import { catalogueEntries, fail } from '../../run/errors/errors.ts';
import type { Convention } from '../../indexer/examples/choices.ts';
import { readRecipes, type Shape } from '../../indexer/examples/recipes.ts';

/** The pages by their names in docs/. */
export async function makeReference(): Promise<Record<string, string>> {
  return { 'commands.md': await describeCommands(), 'errors.md': describeErrors(), 'recipes.md': describeRecipes() };
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
    'Made by `npm run docs` from the catalogue, `run/errors/errors.ts`. A code never changes its meaning; over HTTP an error is problem JSON (RFC 9457) with the code in `code`.',
    '',
    '| code | HTTP | exit | says |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

const conventionNames: Record<Convention, string> = { label: 'the label', text: 'the text', letter: 'the letter', index: 'the number (from 0)', number: 'the number (from 1)' };

function describeRecipes(): string {
  const rows = readRecipes().list.flatMap(({ name, about, shapes }) => shapes.map((shape, at) => `| ${at === 0 ? `\`${name}\`` : ''} | ${at === 0 ? cell(about) : ''} | ${describeShape(shape).join(' | ')} |`));
  return [
    '# Recipes',
    '',
    'Made by `npm run docs` from `indexer/recipes/`. A recipe says how the rows of a published benchmark become example texts. If several fit a row, the one with the most fields wins; `benchmarks[].recipe` names one. Rows that no recipe fits go by',
    '[the general rules](inputs.md#benchmarks). A row that fits a recipe and has no clear right answer is refused.',
    '',
    '`{choice}` is the right choice, `{filled}` the sentence with the choice in its gap, `{turns}` each question with its answer. `⏎` is a line break; a line with `{field?}` is left out where the row lacks the field.',
    '',
    '| recipe | | rows with | text | right choice |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'To add one, put a file into `indexer/recipes/` and golden rows of the same name into `test/indexer/recipes/`, then run `npm run docs`.',
    '',
  ].join('\n');
}

function describeShape({ fields, where, need, text, choose }: Shape): string[] {
  const code = (value: string): string => `\`${cell(value)}\``;
  const conditions = [...where, ...need].map(({ field, is }) => `${code(field.path)} is ${is.map((value) => code(String(value))).join(' or ')}`);
  const by = (choose?.by ?? []).map((convention) => conventionNames[convention]).join(' or ');
  const right = choose === undefined ? '' : choose.marks === undefined ? `${by} in ${(choose.gold ?? []).map(({ path }) => code(path)).join(' and ')}` : `the one marked in ${code(choose.marks.path)}`;
  return [[fields.map(({ path }) => code(path)).join(', '), ...conditions].join('; '), code(text.text.replaceAll('\n', ' ⏎ ')), right];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
}

function sentence(text: string): string {
  if (text === '') throw fail('INTERNAL', { reason: 'a command says nothing of itself' });
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
}
