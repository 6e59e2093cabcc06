// `betr trial plan`: writes the jobs of a trial and says what they will take.

import { isAbsolute, resolve } from 'node:path';
import type { Command } from 'commander';
import { vocabularyOf } from '../../../evaluation/trials/jobs.ts';
import { estimateNoise, type PlannedNoise } from '../../../evaluation/trials/planned-noise.ts';
import { planTrial, type TrialOptions as PlanOptions } from '../../../evaluation/trials/plan.ts';
import {
  checkTrialName,
  nameArm,
  noFilterArm,
  randomArm,
  type TrialPlan,
} from '../../../evaluation/trials/plan-file.ts';
import { modelSizes, smallLearningRate } from '../../../evaluation/trials/sizes.ts';
import { withLock } from '../../../data/files/lock.ts';
import { checkPython, findPython } from '../../../models/trainer/python.ts';
import {
  formatAmount,
  formatCount,
  formatCountOf,
  formatFlops,
  formatNames,
  formatShare,
  parseAmount,
  parseCount,
  parseShare,
  parseWhole,
} from '../../../run/amounts.ts';
import { fail } from '../../../run/errors/errors.ts';
import { openRun } from '../../../run/run.ts';
import { defaultScorer } from '../../../scoring/scorers/list.ts';
import { formatBytes, formatDuration, formatTable, openProgress, printResult } from '../../output.ts';
import { openWorker, type TrialOptions, trialOf } from './options.ts';

interface PlanCommandOptions extends TrialOptions {
  arms: string;
  keep: string;
  model: string;
  tokens: string;
  seeds: string;
  learningRates: string;
  randomDraws: string;
  items: string;
  texts: string;
  tokenizer?: string;
  readings: string;
  tune: boolean;
  pilot: boolean;
}

const sizes = Object.keys(modelSizes);

export function planCommand(): Command {
  return trialOf('plan', 'write the jobs of a trial, and say what they will take before anything is trained')
    .option(
      '--arms <scorers>',
      `what to train on: ${noFilterArm}, ${randomArm}, and scorers, whose rankings are cut; ${noFilterArm} and ` +
        `${randomArm} are always included`,
      `${noFilterArm},${randomArm},${defaultScorer}`,
    )
    .option('--keep <list>', 'shares of the tokens to cut at', '10%')
    .option(
      '--model <size>',
      `model to train: ${sizes.join(', ')}, or the folder of a model to go on from`,
      '1m',
    )
    .option('--tokens <count>', 'tokens to train each model on', '2.5M')
    .option('--seeds <count>', 'models of each arm that differ in their seed', '3')
    .option(
      '--learning-rates <list>',
      `1: the one that suits the size; 2: also a very small one, ${smallLearningRate}; or learning rates, such as ` +
        '3e-3,3e-4',
      '1',
    )
    .option(
      '--tune',
      'train models without a filter now, at a third, once and three times the first learning rate, and take the ' +
        'best on texts that measure nothing else',
      false,
    )
    .option('--random-draws <count>', 'random cuts at each share', '2')
    .option('--items <count>', 'most test items of each benchmark', '300')
    .option('--texts <count>', 'most held-out texts of each source', '10')
    .option(
      '--tokenizer <name>',
      'bytes, the folder of a tokenizer, or bpe:4096 to train one with so many tokens on unfiltered text ' +
        "(default: bpe:4096, or the model's own)",
    )
    .option(
      '--readings <count>',
      'times at which each model is measured, each at twice the tokens of the last',
      '3',
    )
    .option('--pilot', 'train the models without a filter now, to measure the noise of seeds', false)
    .action(async (options: PlanCommandOptions) => {
      const run = await openRun(options.config);
      const asked = readOptions(options);
      const python = findPython(run.settings, run.settingsFolder);
      // Before selections are written, which may take long.
      await checkPython(python);
      const worker = openWorker(python);
      const progress = openProgress();
      const made = await withLock(
        run,
        async () => {
          const plan = await planTrial(run, asked, worker, progress.report);
          return {
            plan,
            noise: await estimateNoise(run, plan, options.pilot ? worker : undefined, progress.report),
          };
        },
        progress.report,
      ).finally(progress.end);
      printResult(options.json, made, describePlan(made.plan, made.noise));
    });
}

/** Errors: OPTION_INVALID. */
function readOptions(options: PlanCommandOptions): PlanOptions {
  const { name, model } = options;
  const size = Object.entries(modelSizes).find(([known]) => known === model)?.[1];
  if (size === undefined && !/[\\/]/.test(model))
    throw fail('OPTION_INVALID', {
      option: '--model',
      got: model.slice(0, 100),
      allowed: `${sizes.join(', ')}, or the path of a model's folder, with a "/"`,
    });
  const tokens = parseCount('--tokens', options.tokens, '2.5M');
  const { sequenceLength, batchTokens, learningRate } = size ?? modelSizes['150m'];
  if (tokens < sequenceLength)
    throw fail('OPTION_INVALID', {
      option: '--tokens',
      got: options.tokens.slice(0, 100),
      allowed: `at least ${formatCount(sequenceLength)}, one sequence of the model`,
    });
  return {
    name: checkTrialName(name),
    names: splitList(options.arms),
    keeps: [...new Set(splitList(options.keep).map((share) => parseShare('--keep', share)))].sort(
      (a, b) => a - b,
    ),
    randomDraws: parseWhole('--random-draws', options.randomDraws, 1, 100),
    model: size === undefined ? resolve(model) : model,
    tokenizer: readTokenizer(options.tokenizer ?? (size === undefined ? '' : 'bpe:4096')),
    tokens,
    sequenceLength,
    // A short trial still takes some hundred steps.
    batchTokens: Math.max(
      sequenceLength,
      Math.min(batchTokens, Math.floor(tokens / 200 / sequenceLength) * sequenceLength),
    ),
    readings: listReadings(tokens, parseWhole('--readings', options.readings, 1, 12)),
    decayShare: 0.2,
    tune: options.tune,
    learningRates: readRates(options.learningRates, learningRate),
    seeds: Array.from({ length: parseWhole('--seeds', options.seeds, 1, 100) }, (_, seed) => seed),
    items: parseWhole('--items', options.items, 1, 100_000),
    texts: parseWhole('--texts', options.texts, 1, 1000),
  };
}

function splitList(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

function readTokenizer(text: string): string {
  if (text === '' || text === 'bytes') return text;
  const vocabulary = vocabularyOf(text);
  if (vocabulary !== undefined && vocabulary >= 257 && vocabulary <= 1_000_000) return text;
  if (/[\\/]/.test(text)) return isAbsolute(text) ? text : resolve(text);
  throw fail('OPTION_INVALID', {
    option: '--tokenizer',
    got: text.slice(0, 100),
    allowed: 'bytes, bpe:4096 (or another size from 257 to 1000000), or the path of a folder, with a "/"',
  });
}

function readRates(text: string, suited: number): number[] {
  if (text === '1') return [suited];
  if (text === '2') return [suited, smallLearningRate];
  const rates = splitList(text).map((rate) => parseAmount('--learning-rates', rate, '2, or 3e-3,3e-4'));
  const isRate = rates.length > 0 && rates.every((rate) => rate <= 1) && new Set(rates).size === rates.length;
  if (!isRate)
    throw fail('OPTION_INVALID', {
      option: '--learning-rates',
      got: text.slice(0, 100),
      allowed: '1, 2, or different learning rates of at most 1, such as 3e-3,3e-4',
    });
  return rates;
}

/** The end, and half, a quarter, … of it. */
function listReadings(tokens: number, count: number): number[] {
  const readings = Array.from({ length: count }, (_, i) => Math.round(tokens / 2 ** (count - 1 - i)));
  return [...new Set(readings)].filter((at) => at > 0);
}

function describePlan(plan: TrialPlan, noise: PlannedNoise): string {
  const { arms, estimate, evaluation, jobs, learningRates, name, seeds } = plan;
  return [
    `Trial "${name}": ${formatCountOf(jobs.length, 'model')} (${formatCountOf(arms.length, 'arm')} × ` +
      `${formatCountOf(seeds.length, 'seed')} × ${formatCountOf(learningRates.length, 'learning rate')}) of size ` +
      `${plan.model}, each trained on ${formatAmount(plan.tokens)} tokens.`,
    'No filter and random cuts of the same size are always among the arms.',
    '',
    formatTable([
      ['arm', 'kept', 'documents', 'tokens', 'seen', 'test items in', 'held out'],
      ...arms.map((arm) => [
        nameArm(arm),
        formatShare(arm.keep),
        formatCount(arm.cut.documents),
        formatAmount(arm.cut.tokens),
        `${arm.passes < 1 ? '1' : arm.passes.toPrecision(2)} ×`,
        formatCount(arm.leaks.documents),
        formatCount(arm.heldOut.documents),
      ]),
    ]),
    ...arms
      .filter(({ passes }) => passes > 1)
      .map(
        (arm) =>
          `Note: ${nameArm(arm)} at ${formatShare(arm.keep)} has fewer tokens than a model is trained on, so it is ` +
          `repeated about ${arm.passes.toPrecision(2)} times.`,
      ),
    '',
    `Measured on ${formatCount(evaluation.benchmarks.reduce((sum, { items }) => sum + items, 0))} held-out items of ` +
      `${formatNames(evaluation.benchmarks.map(({ benchmark }) => benchmark))}, and ` +
      `${formatCount(evaluation.sources.reduce((sum, { texts }) => sum + texts, 0))} held-out texts of ` +
      `${formatCountOf(evaluation.sources.length, 'source')}, at ` +
      `${plan.readings.map(formatAmount).join(', ')} tokens.`,
    ...describeTuning(plan),
    ...(evaluation.untested.length === 0
      ? []
      : [`Note: without tests in the settings, not measured: ${formatNames(evaluation.untested)}.`]),
    '',
    `Takes about ${formatDuration(estimate.seconds)} of one GPU or CPU thread at ` +
      `${formatAmount(estimate.tokensPerSecond)} tokens/s, ${formatFlops(estimate.flops)} FLOPs, ` +
      `${formatBytes(estimate.diskBytes)} of disk, and ${formatBytes(1e6 * estimate.peakMemoryMb)} of memory ` +
      'for each worker.',
    describeNoise(noise, plan),
    '',
    `Start it with: betr trial run --name ${name}`,
  ].join('\n');
}

function describeTuning({ tuning, learningRates: [chosen] }: TrialPlan): string[] {
  if (tuning.length === 0) return [];
  const rates = tuning.map(({ learningRate }) => learningRate);
  const tried = tuning.map(
    ({ learningRate, bits }) => `${bits.toFixed(3)} at ${learningRate.toPrecision(2)}`,
  );
  const isEdge = chosen === Math.min(...rates) || chosen === Math.max(...rates);
  return [
    `Learning rate ${chosen?.toPrecision(2) ?? ''}, tuned on validation texts (bits per byte): ${tried.join(', ')}.` +
      (isEdge ? ' The best one is at the end of what was tried; --learning-rates can start from there.' : ''),
  ];
}

function describeNoise({ from, smallest }: PlannedNoise, { seeds }: TrialPlan): string {
  if (smallest === null)
    return (
      'How large a difference it can see is not known before models with several seeds are trained: --pilot trains ' +
      'those without a filter.'
    );
  return (
    `The smallest difference that ${formatCountOf(seeds.length, 'seed')} find four times out of five is about ` +
    `${smallest.toPrecision(2)} bits per byte of the answers (noise of seeds from ${from}).`
  );
}
