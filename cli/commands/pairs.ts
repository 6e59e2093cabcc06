// `betr pairs`: preference pairs, how hard each is, and which to train on.

import { Command } from 'commander';
import { checkCommand } from './pairs/check.ts';
import { measureCommand } from './pairs/measure.ts';
import { pairsReportCommand } from './pairs/report.ts';
import { selectPairsCommand } from './pairs/select.ts';
import { pairTrialCommand } from './pairs/trial.ts';

export function pairsCommand(): Command {
  return [
    checkCommand(),
    measureCommand(),
    pairsReportCommand(),
    selectPairsCommand(),
    pairTrialCommand(),
  ].reduce(
    (pairs, command) => pairs.addCommand(command),
    new Command('pairs').description(
      'preference pairs: read them, measure how hard each one is, and select those that a model can learn from',
    ),
  );
}
