// `betr pairs trial`: trains a student on the easiest, middle, hardest and random pairs, and on all, and compares them.

import { Command } from 'commander';
import { planPairTrialCommand } from './trial/plan.ts';
import { pairTrialReportCommand } from './trial/report.ts';
import { runPairTrialCommand } from './trial/run.ts';

export function pairTrialCommand(): Command {
  return [planPairTrialCommand(), runPairTrialCommand(), pairTrialReportCommand()].reduce(
    (trial, command) => trial.addCommand(command),
    new Command('trial').description(
      'train a student on the easiest, middle, hardest and random pairs and on all of them, and compare the models',
    ),
  );
}
