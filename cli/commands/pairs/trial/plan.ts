// `betr pairs trial plan`: cuts the arms of a trial, writes its jobs and says what they will take.

import type { Command } from 'commander';
import { withLock } from '../../../../data/files/lock.ts';
import {
  heldOutShare,
  mostHeldOut,
  type PairTrialOptions,
  planPairTrial,
} from '../../../../evaluation/pair-trials/plan.ts';
import { budgets } from '../../../../evaluation/pair-trials/plan-file.ts';
import { checkTrialName } from '../../../../evaluation/trials/plan-file.ts';
import { measureJob } from '../../../../models/trainer/measure.ts';
import { checkPython, findPython, packagesOf } from '../../../../models/trainer/python.ts';
import { cutOrders } from '../../../../pairs/cut.ts';
import { findStartModel } from '../../../../pairs/models/find-model.ts';
import { paperDefaults } from '../../../../pairs/models/options.ts';
import { formatShare, parseAmount, parseShare, parseWhole } from '../../../../run/amounts.ts';
import { fail } from '../../../../run/errors/errors.ts';
import { readRegular } from '../../../../run/regular-file.ts';
import { openRun, type Run } from '../../../../run/run.ts';
import { openProgress, printResult } from '../../../output.ts';
import { type NamedTrial, pairTrialOf } from './options.ts';
import { describePairPlan } from './plan-text.ts';

interface PlanOptions extends NamedTrial {
  student?: string;
  measurement?: string;
  arms: string;
  keep: string;
  budgets: string;
  seeds: string;
  heldOut?: string;
  items: string;
  judge?: string;
  prompts?: string;
  answerTokens: string;
  order: string;
  whole: boolean;
  beta: string;
  learningRate: string;
  epochs: string;
  batchSize: string;
  maxLength: string;
  maxPromptLength: string;
  chat: boolean;
  chatTemplate?: string;
}

const judgedPrompts = 100;

export function planPairTrialCommand(): Command {
  const { lora } = paperDefaults;
  return pairTrialOf(
    'plan',
    'cut the arms, write the jobs, and say what they take before anything is trained',
  )
    .option(
      '--student <model>',
      "model to train: a Hugging Face folder, a model in the settings (its folder), or a training job's name",
    )
    .option('--measurement <name>', 'measurement of difficulty (default: the only one)')
    .option(
      '--arms <orders>',
      `cuts to compare: ${cutOrders.join(', ')}; random and all pairs are always included`,
      cutOrders.join(','),
    )
    .option('--keep <list>', 'shares of the pairs to cut at', '50%')
    .option(
      '--budgets <names>',
      'epochs: cuts train for as many epochs as all pairs; steps: for as many steps',
      budgets.join(','),
    )
    .option('--seeds <count>', 'models of each arm that differ in their seed', '3')
    .option(
      '--held-out <share>',
      `share of the pairs that no arm has (default: ${formatShare(heldOutShare)}, at most ${mostHeldOut} pairs)`,
    )
    .option('--items <count>', 'most test items of each benchmark', '300')
    .option('--judge <model>', 'language model in the settings that compares answers to held-out prompts')
    .option(
      '--prompts <count>',
      `most held-out prompts that each model answers (default: ${judgedPrompts} with a judge, 0 without)`,
    )
    .option('--answer-tokens <count>', 'longest answer', '256')
    .option('--order <order>', 'random, or sequential: the easiest first', 'random')
    .option('--beta <number>', 'β of the loss', '0.1')
    .option('--whole', `train all weights, not LoRA (r ${lora.r}, α ${lora.alpha})`, false)
    .option('--learning-rate <rate>', 'highest learning rate', String(paperDefaults.learningRate))
    .option('--epochs <count>', 'passes over the pairs', String(paperDefaults.epochs))
    .option('--batch-size <count>', 'pairs of a step', String(paperDefaults.batchSize))
    .option('--max-length <tokens>', 'where answers are cut', String(paperDefaults.maxLength))
    .option('--max-prompt-length <tokens>', 'longest prompt', String(paperDefaults.maxPromptLength))
    .option('--chat', 'write plain text as messages, by the chat template', false)
    .option('--chat-template <template>', "plain, or a file with a template, not the student's own")
    .action(async (set: string, options: PlanOptions) => {
      const design = readDesign(options);
      const run = await openRun(options.config);
      const asked = await readOptions(run, design, options);
      const python = findPython(run.settings, run.settingsFolder);
      await checkPython(python, packagesOf([{ kind: 'dpo' }]));
      const worker = {
        // Models are trained side by side, each by one thread of a CPU.
        measure: (folder: string, steps: number) => measureJob(python, folder, { steps, threads: 1 }),
      };
      const progress = openProgress();
      const plan = await withLock(
        run,
        () => planPairTrial(run, set, asked, worker, progress.report),
        progress.report,
      ).finally(progress.end);
      printResult(options.json, plan, describePairPlan(plan));
    });
}

/** What needs neither the run nor a file. Errors: OPTION_INVALID. */
function readDesign(options: PlanOptions) {
  const { judge, prompts = judge === undefined ? '0' : String(judgedPrompts) } = options;
  return {
    name: checkTrialName(options.name),
    measurement: options.measurement,
    training: {
      beta: parseAmount('--beta', options.beta, '0.1'),
      learningRate: parseAmount('--learning-rate', options.learningRate, '3e-5'),
      epochs: parseWhole('--epochs', options.epochs, 1, 1000),
      batchSize: parseWhole('--batch-size', options.batchSize, 1, 65_536),
      maxLength: parseWhole('--max-length', options.maxLength, 2, 1_048_576),
      maxPromptLength: parseWhole('--max-prompt-length', options.maxPromptLength, 1, 1_048_576),
      lora: options.whole ? null : { ...paperDefaults.lora },
      order: chooseOf('--order', options.order, ['random', 'sequential'])[0] ?? 'random',
    },
    arms: cutOrders.filter((arm) => ['random', ...chooseOf('--arms', options.arms, cutOrders)].includes(arm)),
    keeps: readKeeps(options.keep),
    budgets: budgets.filter((budget) => chooseOf('--budgets', options.budgets, budgets).includes(budget)),
    seeds: Array.from({ length: parseWhole('--seeds', options.seeds, 1, 100) }, (_, seed) => seed),
    heldOut: options.heldOut === undefined ? undefined : parseShare('--held-out', options.heldOut),
    items: parseWhole('--items', options.items, 1, 1_000_000),
    judge,
    prompts: parseWhole('--prompts', prompts, judge === undefined ? 0 : 1, 1_000_000),
    answerTokens: parseWhole('--answer-tokens', options.answerTokens, 1, 1_048_576),
    chat: options.chat,
  };
}

/** Errors: OPTION_INVALID, PAIRS_MODEL_UNKNOWN, LANGUAGE_MODEL_UNKNOWN, FILE_NOT_FOUND. */
async function readOptions(
  run: Run,
  design: ReturnType<typeof readDesign>,
  { student, judge, chatTemplate }: PlanOptions,
): Promise<PairTrialOptions> {
  if (student === undefined)
    throw fail('OPTION_INVALID', {
      option: '--student',
      got: '',
      allowed: "a model's folder, a model in the settings, or a training job",
    });
  const known = run.settings.models.map((model) => model.name);
  if (judge !== undefined && !known.includes(judge))
    throw fail('LANGUAGE_MODEL_UNKNOWN', { name: judge, known });
  const { model, modelName } = await findStartModel(run, student);
  return {
    ...design,
    student: modelName,
    training: { ...design.training, model, chatTemplate: await readTemplate(chatTemplate) },
  };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The names of a list. Errors: OPTION_INVALID. */
function chooseOf<const T extends string>(option: string, text: string, allowed: readonly T[]): T[] {
  const words = splitList(text);
  const found = words.flatMap((word) => allowed.find((one) => one === word) ?? []);
  if (found.length === 0 || found.length < words.length)
    throw fail('OPTION_INVALID', { option, got: text.slice(0, 100), allowed: allowed.join(', ') });
  return found;
}

/** Errors: OPTION_INVALID. */
function readKeeps(text: string): number[] {
  const keeps = [...new Set(splitList(text).map((share) => parseShare('--keep', share)))].sort(
    (a, b) => a - b,
  );
  if (keeps.length === 0 || keeps.some((keep) => keep >= 1))
    throw fail('OPTION_INVALID', {
      option: '--keep',
      got: text.slice(0, 100),
      allowed: 'shares below 100%, such as 25%,50%,75%; all pairs are always an arm',
    });
  return keeps;
}

async function readTemplate(got: string | undefined): Promise<string | null> {
  if (got === undefined || got === 'plain') return got ?? null;
  return readRegular(got, 'utf8');
}
