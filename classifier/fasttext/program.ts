// Runs the fastText program, if installed: the paper's classifier, to compare with ours.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BetrError, fail, reasonOf, systemCode } from '../../run/errors/errors.ts';

export interface TrainingSettings {
  lr: number;
  dim: number;
  epoch: number;
  minCount: number;
}

/** BETR's light classifier (arXiv 2507.12466, section 3). */
export const paperSettings: TrainingSettings = { lr: 0.03, dim: 128, epoch: 5, minCount: 5 };

const program = 'fasttext';
const mostOutputBytes = 1 << 30;

/** Runs the program and returns what it prints. Errors: PROGRAM_MISSING, PROGRAM_FAILED. */
export async function callFasttext(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { maxBuffer: mostOutputBytes })).stdout;
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw fail(
        'PROGRAM_MISSING',
        {
          program,
          how:
            'On Debian and Ubuntu: apt-get install fasttext. Elsewhere build it from ' +
            'https://github.com/facebookresearch/fastText',
        },
        error,
      );
    throw fail(
      'PROGRAM_FAILED',
      { command: `${program} ${args.join(' ')}`, reason: reasonOf(error).trim() },
      error,
    );
  }
}

/** Checks that the program is installed. Errors: PROGRAM_MISSING. */
export async function findFasttext(): Promise<void> {
  // Without a command it prints its usage and fails.
  await callFasttext([]).catch((error: unknown) => {
    if (error instanceof BetrError && error.code === 'PROGRAM_FAILED') return;
    throw error;
  });
}

/** The arguments to train a model with word bigrams on a file of `writeTrainingFile`. */
export function trainingArguments(input: string, output: string, settings: TrainingSettings): string[] {
  return [
    'supervised',
    '-input',
    input,
    '-output',
    output,
    '-wordNgrams',
    '2',
    ...Object.entries(settings).flatMap(([name, value]) => [`-${name}`, String(value)]),
  ];
}

/** A shell command that trains the paper's classifier on the file. */
export function paperCommand(input: string, output: string): string {
  return [program, ...trainingArguments(input, output, paperSettings)]
    .map((word) => (/^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
