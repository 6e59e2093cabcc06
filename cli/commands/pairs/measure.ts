// `betr pairs measure`: measures how difficult the pairs of a set are.

import type { Command } from 'commander';
import { Option } from 'commander';
import type { Checkpoints } from '../../../pairs/difficulty.ts';
import { checkProxy } from '../../../pairs/check-proxy.ts';
import { measureByBradleyTerry } from '../../../pairs/measure-bradley-terry.ts';
import { measureByColumns } from '../../../pairs/measure-columns.ts';
import { type MarginUnit, marginUnits, measureByMargin } from '../../../pairs/measure-margin.ts';
import { type Measurement, openMeasurement } from '../../../pairs/measurement.ts';
import { openPairs, type PairSet } from '../../../pairs/set.ts';
import { parseWhole } from '../../../run/amounts.ts';
import { fail } from '../../../run/errors/errors.ts';
import type { Report } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { stepCommand, type StepOptions, work } from '../../options.ts';
import { printResult } from '../../output.ts';
import { addModelOptions, measureWithModels, type ModelsCommandOptions } from './measure-models.ts';
import { describeMeasurement } from './measurement-text.ts';

interface MeasureOptions extends StepOptions, Omit<ModelsCommandOptions, keyof StepOptions> {
  by: keyof typeof methods | 'models';
  model?: string;
  checkpoints: Checkpoints;
  per: MarginUnit;
  seed: string;
  check?: string;
}

type Measure = (run: Run, set: PairSet, options: MeasureOptions, report: Report) => Promise<Measurement>;

const methods = {
  columns: (run, set, { checkpoints }) => measureByColumns(run, set, checkpoints),
  'bradley-terry': (run, set, options, report) => measureByBradleyTerry(run, set, seedOf(options), report),
  margin: (run, set, { model, per }, report) => measureByMargin(run, set, need(model), per, report),
} as const satisfies Record<string, Measure>;

export function measureCommand(): Command {
  const measure = stepCommand('measure', 'measure how difficult each pair is for a model')
    .argument('<name>', 'set of pairs in the settings')
    .addOption(
      new Option(
        '--by <method>',
        'columns: log probabilities in the files; bradley-terry: proxy by words, in seconds; margin: proxy by a ' +
          'language model as it is; models: reference models that are trained with Python (docs/selective-dpo.md)',
      )
        .choices([...Object.keys(methods), 'models'])
        .makeOptionMandatory(),
    )
    .option(
      '--model <name>',
      'language model in the settings, for --by margin; for --by models also a Hugging Face folder or a training job',
    )
    .addOption(
      new Option(
        '--per <unit>',
        'compare the log probabilities of answers, of their tokens, or of their bytes',
      )
        .choices(marginUnits)
        .default('answer'),
    )
    .addOption(
      new Option('--checkpoints <which>', "each model's last checkpoint, or the mean of all")
        .choices(['last', 'mean'])
        .default('last'),
    )
    .option('--seed <number>', 'seed of the random halves', '1')
    .option(
      '--check <pairs>',
      'compare a proxy with reference models on at most so many pairs that both have measured',
    );
  return addModelOptions(measure).action(async (name: string, options: MeasureOptions) => {
    const { by } = options;
    const most = readCheck(options);
    if (by !== 'models') seedOf(options);
    if (by === 'models') {
      await measureWithModels(name, options);
      return;
    }
    const card = await work(options, async (run, report) => {
      const set = await openPairs(run, name);
      const measurement = await methods[by](run, set, options, report);
      const { card: made } = measurement;
      if (most === undefined || !made.proxy) return made;
      return (await checkProxy(run, set, await openMeasurement(set, made.name), most)) ?? made;
    });
    printResult(options.json, card, describeMeasurement(name, card));
  });
}

/** Errors: OPTION_INVALID. */
function readCheck({ by, check }: MeasureOptions): number | undefined {
  if (check === undefined) return undefined;
  if (by === 'bradley-terry' || by === 'margin') return parseWhole('--check', check, 2, 1_000_000_000);
  throw fail('OPTION_INVALID', {
    option: '--check',
    got: check,
    allowed: 'used with a proxy: --by bradley-terry or --by margin',
  });
}

function seedOf({ seed }: MeasureOptions): number {
  return parseWhole('--seed', seed, 0, 2 ** 31 - 1);
}

/** Errors: OPTION_INVALID. */
function need(model: string | undefined): string {
  if (model !== undefined) return model;
  throw fail('OPTION_INVALID', {
    option: '--model',
    got: '',
    allowed: 'the name of a language model in the settings (models)',
  });
}
