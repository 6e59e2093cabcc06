// What the commands of a trial on preference pairs share.

import type { Command } from 'commander';
import { command, type CommonOptions } from '../../../options.ts';

export interface NamedTrial extends CommonOptions {
  name: string;
}

/** A command about one trial of a set of pairs. */
export function pairTrialOf(name: string, description: string): Command {
  return command(name, description)
    .argument('<set>', 'set of pairs in the settings')
    .option('--name <name>', 'name of the trial', 'trial');
}
