// `betr pairs check`: reads preference pairs and says what it took each row for.

import type { Command } from 'commander';
import { checkSet } from '../../../pairs/check.ts';
import { stepCommand, type StepOptions, work } from '../../options.ts';
import { printResult } from '../../output.ts';
import { describeSet } from './check-text.ts';

export function checkCommand(): Command {
  return stepCommand(
    'check',
    'read preference pairs, say what each row was taken for, and count what is wrong with them',
  )
    .argument('[names...]', 'sets of pairs in the settings (default: all)')
    .action(async (names: string[], options: StepOptions) => {
      const cards = await work(options, async (run, report) => {
        const found = [];
        for (const name of names.length > 0 ? names : run.settings.pairs.map(({ name: own }) => own))
          found.push(await checkSet(run, name, report));
        return found;
      });
      printResult(options.json, { sets: cards }, cards.map(describeSet).join('\n\n'));
    });
}
