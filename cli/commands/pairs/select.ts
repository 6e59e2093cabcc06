// `betr pairs select`: writes the pairs that a model can learn from, in a trainer's format.

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { answerKeep, type KeepQuestion } from '../../../pairs/answer.ts';
import { cutOrders, type CutOrder, groupColumns, type GroupColumn } from '../../../pairs/cut.ts';
import { type PairFormat, pairFormats } from '../../../pairs/formats.ts';
import { sealCharacters } from '../../../pairs/keep.ts';
import { readRuns } from '../../../pairs/runs.ts';
import { selectPairs } from '../../../pairs/select.ts';
import { isRemote } from '../../../run/address.ts';
import { parseAmount, parseNumber, parseShare, parseWhole } from '../../../run/amounts.ts';
import { minNumber } from '../../../run/bounds.ts';
import { fail } from '../../../run/errors/errors.ts';
import { openRun } from '../../../run/run.ts';
import { command, type CommonOptions } from '../../options.ts';
import { openProgress, printResult } from '../../output.ts';
import { describeKeep, describeWritten } from './select-text.ts';

interface SelectOptions extends CommonOptions {
  out?: string;
  measurement?: string;
  keep?: string;
  params?: string;
  fit?: string;
  maxLoss?: string;
  order: CutOrder;
  seed: string;
  floor?: string;
  by?: GroupColumn;
  unknown: 'drop' | 'keep';
  format?: PairFormat;
  listCut: boolean;
  dryRun: boolean;
}

export function selectPairsCommand(): Command {
  return command(
    'select',
    'write the pairs that a model can learn from, easiest first, in the format of a trainer',
  )
    .argument('<name>', 'a set of pairs in the settings')
    .option('--out <dir>', 'folder for the pairs and their manifest.json')
    .option('--keep <share>', 'share to keep of the pairs with a known difficulty (for example 60%)')
    .option('--params <count>', 'parameters of the model to train (for example 7B), with --fit')
    .option(
      '--fit <name>',
      'how the share follows from the model: argilla (a hint from three points of the paper), or a table of your ' +
        'own runs (CSV or JSON: run, keep, win_rate, n)',
    )
    .option(
      '--max-loss <loss>',
      "largest difficulty to keep, with the measurement's seal (for example 0.69@5c1d20f3, as --dry-run shows it)",
    )
    .option('--measurement <name>', 'measurement of difficulty; needed if the set has several')
    .addOption(new Option('--order <name>', 'which pairs to keep').choices(cutOrders).default('easiest'))
    .option('--seed <number>', 'seed of --order random', '1')
    .option('--floor <share>', 'share of its known pairs that each group keeps at least (for example 40%)')
    .addOption(new Option('--by <column>', 'the groups of --floor (default: category)').choices(groupColumns))
    .addOption(
      new Option('--unknown <what>', 'pairs without a known difficulty: leave them out, or write them last')
        .choices(['drop', 'keep'])
        .default('drop'),
    )
    .addOption(
      new Option(
        '--format <name>',
        'format to write (default: trl, or trl-messages if a pair is a conversation)',
      ).choices(pairFormats),
    )
    .option('--list-cut', 'also list the pairs that are not written, in cut.jsonl', false)
    .option('--dry-run', 'only say what would be kept and what each group would lose', false)
    .action(async (name: string, options: SelectOptions) => {
      const question = await readQuestion(options);
      const run = await openRun(options.config);
      if (options.dryRun) {
        const answer = await answerKeep(run, name, question);
        printResult(options.json, answer, describeKeep(answer));
        return;
      }
      const out = readOut(options.out);
      const progress = openProgress();
      const manifest = await selectPairs(
        run,
        name,
        question,
        out,
        {
          format: options.format,
          unknown: options.unknown,
          listCut: options.listCut,
          onAnswer: (answer) => {
            if (!options.json) process.stdout.write(`${describeKeep(answer)}\n\n`);
          },
        },
        progress.report,
      ).finally(progress.end);
      printResult(options.json, manifest, describeWritten(manifest, out));
    });
}

/** Errors: USAGE. */
function readOut(out: string | undefined): string {
  if (out === undefined)
    throw fail('USAGE', { problem: 'Name a folder for the pairs with --out, or give --dry-run.' });
  if (isRemote(out))
    throw fail('USAGE', { problem: 'Pairs are written to local folders only; copy the folder afterwards.' });
  return resolve(out);
}

/** Errors: OPTION_INVALID, and those of `readRuns`. */
async function readQuestion(options: SelectOptions): Promise<KeepQuestion> {
  const { measurement, keep, params, fit, maxLoss, order, seed, floor, by = 'category' } = options;
  return {
    measurement,
    keep: keep === undefined ? undefined : parseShare('--keep', keep),
    params: params === undefined ? undefined : parseAmount('--params', params, '7B'),
    fit: fit === undefined || fit === 'argilla' ? fit : await readRuns(fit),
    maxLoss: maxLoss === undefined ? undefined : readThreshold(maxLoss),
    order,
    seed: parseWhole('--seed', seed, 0, 2 ** 31 - 1),
    floor: floor === undefined ? undefined : { share: parseShare('--floor', floor), by },
  };
}

/** "0.69@5c1d20f3". Errors: OPTION_INVALID. */
function readThreshold(text: string): { loss: number; seal: string } {
  const [number = '', seal = ''] = text.split('@');
  const loss = parseNumber(number);
  if (loss === undefined || loss < minNumber || !/^[0-9a-f]*$/.test(seal))
    throw fail('OPTION_INVALID', {
      option: '--max-loss',
      got: text.slice(0, 100),
      allowed:
        `a loss above 0 and the first ${sealCharacters} characters of its measurement's seal, such as ` +
        '0.69@5c1d20f3',
    });
  return { loss, seal };
}
