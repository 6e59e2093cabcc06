// `betr trial`: trains small models on selections, and reports which selection is better.

import { Command } from 'commander';
import { evalCommand } from './trial/eval.ts';
import { planCommand } from './trial/plan.ts';
import { reportCommand } from './trial/report.ts';
import { runTrialCommand } from './trial/run.ts';
import { trialStatusCommand } from './trial/status.ts';

export function trialCommand(): Command {
  return [planCommand(), runTrialCommand(), trialStatusCommand(), reportCommand(), evalCommand()].reduce(
    (trial, command) => trial.addCommand(command),
    new Command('trial').description(
      'train small models on selections and on the same amount of random text, and compare them on held-out ' +
        'benchmark items',
    ),
  );
}
