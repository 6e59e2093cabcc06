// `betr pairs measure --by models`: trains reference models and measures pairs by them.

import type { Command } from 'commander';
import { measureJob } from '../../../models/trainer/measure.ts';
import { checkPython, findPython, packagesOf } from '../../../models/trainer/python.ts';
import { findStartModel } from '../../../pairs/models/find-model.ts';
import { collectMeasurement, planMeasurement } from '../../../pairs/models/measure.ts';
import type { ModelsEstimate } from '../../../pairs/models/estimate.ts';
import { measurementName, type ModelsOptions, paperDefaults } from '../../../pairs/models/options.ts';
import { formatCount, formatCountOf, formatFlops, parseAmount, parseWhole } from '../../../run/amounts.ts';
import { fail } from '../../../run/errors/errors.ts';
import { readRegular } from '../../../run/regular-file.ts';
import { openRun, type Run } from '../../../run/run.ts';
import type { CommonOptions } from '../../options.ts';
import { formatBytes, formatDuration, openProgress, printResult } from '../../output.ts';
import { runHere } from '../trainer.ts';
import { describeMeasurement } from './measurement-text.ts';

export interface ModelsCommandOptions extends CommonOptions {
  model?: string;
  seed: string;
  whole: boolean;
  beta: string;
  learningRate: string;
  epochs: string;
  batchSize: string;
  maxLength: string;
  maxPromptLength: string;
  measureAt?: string;
  checkpoints: 'last' | 'mean';
  chat: boolean;
  chatTemplate?: string;
  name?: string;
  part?: string;
  plan: boolean;
  atOnce?: number;
  threads?: number;
}

const count =
  (option: string) =>
  (text: string): number =>
    parseWhole(option, text, 1, 1024);

/** Adds the options of `--by models`. */
export function addModelOptions(measure: Command): Command {
  const { lora } = paperDefaults;
  return measure
    .option('--name <name>', 'models: name of the measurement (default: models-MODEL)')
    .option('--part <count>', 'models: measure so many pairs, drawn at random (default: all)')
    .option('--beta <number>', 'models: β of the loss', String(paperDefaults.beta))
    .option('--whole', `models: train all weights, not LoRA (r ${lora.r}, α ${lora.alpha})`, false)
    .option('--learning-rate <rate>', 'models: highest learning rate', String(paperDefaults.learningRate))
    .option('--epochs <count>', 'models: passes over the pairs', String(paperDefaults.epochs))
    .option('--batch-size <count>', 'models: pairs of a step', String(paperDefaults.batchSize))
    .option('--max-length <tokens>', 'models: where answers are cut', String(paperDefaults.maxLength))
    .option('--max-prompt-length <tokens>', 'models: longest prompt', String(paperDefaults.maxPromptLength))
    .option(
      '--measure-at <count>',
      `models: evenly spaced steps at which pairs are measured (default: ${paperDefaults.measureAt.last}, the end; ` +
        `${paperDefaults.measureAt.mean} with --checkpoints mean)`,
    )
    .option('--chat', 'models: write plain text as messages, by the chat template', false)
    .option('--chat-template <template>', "models: plain, or a file with a template, not the model's own")
    .option('--plan', 'models: say what it takes and write the training jobs, but train nothing', false)
    .option('--at-once <count>', 'models: models to train at a time', count('--at-once'))
    .option('--threads <count>', 'models: CPU threads of each worker', count('--threads'));
}

/** Plans, says what it takes, trains and collects; sets the exit code where a model is not done. */
export async function measureWithModels(set: string, options: ModelsCommandOptions): Promise<void> {
  const numbers = readNumbers(options);
  const run = await openRun(options.config);
  const asked = await readOptions(run, numbers, options);
  const python = findPython(run.settings, run.settingsFolder);
  await checkPython(python, packagesOf([{ kind: 'dpo' }]));
  const worker = {
    measure: (folder: string, steps: number) =>
      measureJob(python, folder, { steps, threads: options.threads ?? 1 }),
  };
  const progress = openProgress();
  const { plan, left } = await planMeasurement(run, set, asked, worker, progress.report).finally(
    progress.end,
  );
  const again = `betr pairs measure ${set} --by models --model ${options.model ?? ''} …`;
  if (options.plan) {
    printResult(options.json, { plan, left }, describePlan(asked, plan.estimate, left.length, again));
    return;
  }
  if (left.length > 0) {
    process.stderr.write(`${describePlan(asked, plan.estimate, left.length)}\n`);
    const { exitCode } = await runHere(python, left, options);
    if (exitCode !== 0) {
      process.exitCode = exitCode;
      return;
    }
  }
  const { card } = await collectMeasurement(run, set, plan, asked, progress.report).finally(progress.end);
  printResult(options.json, card, describeMeasurement(set, card));
}

/** Errors: OPTION_INVALID. */
function readNumbers(options: ModelsCommandOptions) {
  const { part, measureAt } = options;
  return {
    seed: parseWhole('--seed', options.seed, 0, 1e6),
    ...(part === undefined ? {} : { part: parseWhole('--part', part, 4, 1e9) }),
    beta: parseAmount('--beta', options.beta, '0.01'),
    learningRate: parseAmount('--learning-rate', options.learningRate, '3e-5'),
    epochs: parseWhole('--epochs', options.epochs, 1, 1000),
    batchSize: parseWhole('--batch-size', options.batchSize, 1, 65_536),
    maxLength: parseWhole('--max-length', options.maxLength, 2, 1_048_576),
    maxPromptLength: parseWhole('--max-prompt-length', options.maxPromptLength, 1, 1_048_576),
    measureAt:
      measureAt === undefined
        ? paperDefaults.measureAt[options.checkpoints]
        : parseWhole('--measure-at', measureAt, 1, 1000),
  };
}

/** Errors: OPTION_INVALID, PAIRS_MODEL_UNKNOWN, FILE_NOT_FOUND. */
async function readOptions(
  run: Run,
  numbers: ReturnType<typeof readNumbers>,
  options: ModelsCommandOptions,
): Promise<ModelsOptions> {
  if (options.model === undefined)
    throw fail('OPTION_INVALID', {
      option: '--model',
      got: '',
      allowed: "a model's folder, a model in the settings, or a training job",
    });
  const { model, modelName } = await findStartModel(run, options.model);
  return {
    ...numbers,
    name: options.name ?? measurementName(modelName, numbers.seed),
    model,
    modelName,
    lora: options.whole ? null : { ...paperDefaults.lora },
    checkpoints: options.checkpoints,
    chat: options.chat,
    chatTemplate: await readTemplate(options.chatTemplate),
  };
}

async function readTemplate(got: string | undefined): Promise<string | null> {
  if (got === undefined || got === 'plain') return got ?? null;
  return readRegular(got, 'utf8');
}

function describePlan(
  { modelName, lora }: ModelsOptions,
  estimate: ModelsEstimate | undefined,
  left: number,
  again?: string,
): string {
  if (estimate === undefined) return '';
  const { models, seconds, secondsPerStep, flops, diskBytes, peakMemoryMb } = estimate;
  return [
    `${formatCountOf(models, 'model')} to train from ${modelName} (${lora === null ? 'all weights' : 'LoRA'}), ` +
      `${formatCount(left)} of them not done; each pair is judged by the ${formatCount(models / 2)} that do not ` +
      'learn from it.',
    `One model takes about ${formatDuration(seconds / models)} (${secondsPerStep.toPrecision(2)} s a step), all ` +
      `${formatDuration(seconds)} of one GPU or CPU thread, ${formatFlops(flops)} FLOPs, ` +
      `${formatBytes(diskBytes)} of disk, and ${formatBytes(1e6 * peakMemoryMb)} of memory for each worker.`,
    ...(again === undefined
      ? []
      : [
          `To start: the same command without --plan (${again}). On Slurm: betr trainer --all --slurm, and then that ` +
            'command, which collects the results.',
        ]),
  ].join('\n');
}
