// `betr pairs check`: reads preference pairs and says what it took each row for.

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { dropEnding, endingOf } from '../../../data/files/endings.ts';
import { checkFiles, checkSet } from '../../../pairs/check.ts';
import { BetrError, fail } from '../../../run/errors/errors.ts';
import { readSettings, type SettingsFile } from '../../../run/read-settings.ts';
import { openProgressOf, stepCommand, type StepOptions, work } from '../../options.ts';
import { printResult } from '../../output.ts';
import { describeFiles, describeSet } from './check-text.ts';

export function checkCommand(): Command {
  return stepCommand(
    'check',
    'read preference pairs, say what each row was taken for, and count what is wrong with them; files need no settings',
  )
    .argument('[sets or files...]', 'sets of pairs in the settings, or files (default: all sets)')
    .action(async (given: string[], options: StepOptions) => {
      const known = await readSettingsIfThere(options.config);
      if (given.length > 0 && listNames(given, known).length === 0) {
        await checkGivenFiles(given, known, options);
        return;
      }
      const cards = await work(options, async (run, report) => {
        const names = given.length > 0 ? given : run.settings.pairs.map(({ name }) => name);
        if (names.length === 0)
          throw fail('SETTINGS_INVALID', {
            path: run.settingsPath,
            problems: [
              'pairs: missing, so there is nothing to check; name files to check them without settings',
            ],
          });
        const checked = [];
        for (const name of names) checked.push(await checkSet(run, name, report));
        return checked;
      });
      printResult(options.json, { sets: cards }, cards.map(describeSet).join('\n\n'));
    });
}

/** undefined if there is no settings file; files can be checked without one. */
async function readSettingsIfThere(path: string): Promise<SettingsFile | undefined> {
  try {
    return await readSettings(path);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'SETTINGS_NOT_FOUND') return undefined;
    throw error;
  }
}

/** The names of sets among the arguments. Errors: USAGE if there are also files, PAIRS_UNKNOWN. */
function listNames(given: readonly string[], known: SettingsFile | undefined): string[] {
  const sets = known?.settings.pairs.map(({ name }) => name) ?? [];
  const names = given.filter((one) => sets.includes(one));
  const others = given.filter((one) => !sets.includes(one));
  const unknown = others.find((one) => endingOf(one) === undefined && !/[/*]/.test(one) && !existsSync(one));
  if (unknown !== undefined) throw fail('PAIRS_UNKNOWN', { name: unknown, known: sets });
  if (names.length > 0 && others.length > 0)
    throw fail('USAGE', {
      problem: `Name sets of pairs or files, but not both: ${names.join(', ')} is a set, ${others.join(', ')} is not.`,
    });
  return names;
}

async function checkGivenFiles(
  paths: string[],
  known: SettingsFile | undefined,
  options: StepOptions,
): Promise<void> {
  const progress = openProgressOf(options);
  const checked = await checkFiles(
    nameOf(paths[0] ?? ''),
    paths,
    { settings: { benchmarks: known?.settings.benchmarks ?? [] }, folder: known?.folder ?? process.cwd() },
    progress.report,
  ).finally(progress.end);
  printResult(options.json, checked, describeFiles(checked, paths, options.config));
}

/** A name for the set, from its first file. */
function nameOf(path: string): string {
  const plain = dropEnding(basename(path)).replaceAll(/[^A-Za-z0-9_.-]+/g, '-');
  return /^[A-Za-z0-9]/.test(plain) ? plain : 'pairs';
}
