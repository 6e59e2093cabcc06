// Plans a trial on preference pairs: sets pairs aside, cuts the arms from the others, writes the jobs, and times some
// steps. Nothing is trained.

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { commitBytes } from '../../data/files/commit.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { hashModelFolder } from '../../models/trainer/folder-hash.ts';
import { jobFile } from '../../models/trainer/read-job.ts';
import { type JobPlan, writeJob } from '../../models/trainer/write-job.ts';
import { chooseMeasurement } from '../../pairs/answer.ts';
import type { CutOrder } from '../../pairs/cut.ts';
import { groupPairs } from '../../pairs/folds.ts';
import { measurementSeal } from '../../pairs/keep.ts';
import type { Measurement } from '../../pairs/measurement.ts';
import type { ModelsWorker } from '../../pairs/models/estimate.ts';
import type { StartModel } from '../../pairs/models/options.ts';
import { openPairs, type PairSet } from '../../pairs/set.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { readItems, type TrialItems } from '../trials/items.ts';
import { divide, readUsable, type Sources, writeArm, writeHeldOut, writePrompts } from './arms.ts';
import { drawHeldOut } from './held-out.ts';
import { estimateTraining } from './estimate.ts';
import { answersJob, itemsFile, itemsJob, stepsOf, type Training, trainJob } from './jobs.ts';
import {
  allArm,
  type Budget,
  findPairTrial,
  type PairArm,
  type PairJob,
  type PairModel,
  pairTrialFolder,
  type PairTrialPlan,
  savePairTrial,
} from './plan-file.ts';

export interface PairTrialOptions {
  name: string;
  measurement: string | undefined;
  training: Training;
  /** As people call the student. */
  student: string;
  arms: readonly CutOrder[];
  keeps: readonly number[];
  budgets: readonly Budget[];
  seeds: readonly number[];
  /** Share of the known pairs; undefined for a tenth, and at most `mostHeldOut`. */
  heldOut: number | undefined;
  /** Most items of each benchmark. */
  items: number;
  judge: string | undefined;
  /** Most held-out prompts that models answer; 0 for none. */
  prompts: number;
  answerTokens: number;
  chat: boolean;
}

export const heldOutShare = 0.1;
export const mostHeldOut = 1000;
/** Of the draw of the held-out pairs. */
const drawSeed = 1;

/**
 * Plans a trial and saves the plan; the same options, pairs, measurement and tests give the same plan again. The run
 * must be locked. Errors: PAIRS_TRIAL_EXISTS, PAIRS_TRIAL_SMALL, PAIRS_TRIAL_STUDENT, PAIRS_NONE_KEPT; those of
 * `openPairs`, `chooseMeasurement`, `readItems`, `writeJob`, and of the worker.
 */
export async function planPairTrial(
  run: Run,
  setName: string,
  options: PairTrialOptions,
  worker: Pick<ModelsWorker, 'measure'>,
  report: Report,
): Promise<PairTrialPlan> {
  const set = await openPairs(run, setName);
  const measurement = await chooseMeasurement(set, options.measurement);
  const folder = pairTrialFolder(set, options.name);
  const { model } = options.training;
  if ('checkpoint' in model && basename(model.checkpoint).startsWith(`pairs.${set.name}.`))
    throw fail('PAIRS_TRIAL_STUDENT', { set: set.name, job: basename(model.checkpoint) });
  const items = await readBenchmarkItems(run, options.items);
  const from = fingerprint({
    version: 1,
    options: { ...options, student: null, training: { ...options.training, model: await hashModel(model) } },
    pairs: set.seal,
    measurement: measurementSeal(measurement.card),
    items: items?.lines ?? [],
  });
  const known = await findPairTrial(set, options.name);
  if (known?.from === from) return known;
  if (known !== undefined) throw fail('PAIRS_TRIAL_EXISTS', { name: options.name, path: folder });
  // What an interrupted plan left.
  await rm(folder, { recursive: true, force: true });
  const written = await writeFiles({ run, set, measurement, folder, options, report });
  const itemFile = items === undefined ? null : await writeItems(folder, items);
  const jobs = await writeJobs(run, {
    set,
    folder,
    options,
    arms: written.arms,
    hasItems: items !== undefined,
    prompts: written.promptCount,
  });
  const { name, student, keeps, budgets, seeds, judge } = options;
  const plan: PairTrialPlan = {
    version: 1,
    kind: 'betr pairs trial',
    name,
    set: set.name,
    plannedAt: new Date().toISOString(),
    from,
    measurement: {
      name: measurement.card.name,
      method: measurement.card.method,
      proxy: measurement.card.proxy,
      seal: measurementSeal(measurement.card),
    },
    student,
    keeps: [...keeps],
    budgets: [...budgets],
    seeds: [...seeds],
    beta: options.training.beta,
    ...written,
    items: itemFile,
    benchmarks: (items?.benchmarks ?? []).map((one) => ({ benchmark: one.benchmark, items: one.items })),
    itemBytes: items?.bytes ?? 0,
    judge: judge ?? null,
    ...jobs,
    notes: [...written.notes, ...(items === undefined ? [noBenchmarks] : [])],
    estimate: await estimateTraining(run, jobs.models, worker, report),
  };
  await savePairTrial(set, plan);
  return plan;
}

const noBenchmarks =
  'The settings have no benchmark with tests, so what the models lose elsewhere is not measured. Add some under ' +
  '"benchmarks".';

/** Undefined if the settings have no tests. */
async function readBenchmarkItems(run: Run, most: number): Promise<TrialItems | undefined> {
  try {
    return await readItems(run, most);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'NO_TESTS') return undefined;
    throw error;
  }
}

async function writeItems(folder: string, { lines }: TrialItems): Promise<PairArm['file']> {
  const path = join(folder, itemsFile);
  await commitBytes(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return { file: itemsFile, sha256: await sha256File(path) };
}

async function hashModel(model: StartModel): Promise<string> {
  // A job's model is fixed by its job.json and seed.
  return 'checkpoint' in model
    ? `job ${basename(model.checkpoint)}`
    : ((await hashModelFolder(model.folder)) ?? model.folder);
}

interface Writing {
  run: Run;
  set: PairSet;
  measurement: Measurement;
  folder: string;
  options: PairTrialOptions;
  report: Report;
}

type Written = Pick<PairTrialPlan, 'pairs' | 'arms' | 'heldOut' | 'prompts' | 'promptCount' | 'notes'>;

/** Errors: PAIRS_TRIAL_SMALL, PAIRS_NONE_KEPT, DISK_FULL, WRITE_FAILED. */
async function writeFiles({ run, set, measurement, folder, options, report }: Writing): Promise<Written> {
  report({ stage: 'pairs: hold out prompts', done: 0, total: set.card.pairs, unit: 'pairs' });
  const groups = await groupPairs(set);
  return withSpillingDuckDb(run.files.spill, async (connection) => {
    const sources: Sources = { connection, set, measurement, folder, chat: options.chat };
    const usable = await readUsable(sources);
    const most =
      options.heldOut === undefined
        ? Math.min(mostHeldOut, Math.round(heldOutShare * usable.known))
        : Math.round(options.heldOut * usable.known);
    const held = drawHeldOut(groups, usable.isKnown, most, drawSeed);
    const pool = await divide(sources, groups, usable, held);
    if (held.firsts.length < 2 || pool < 2)
      throw fail('PAIRS_TRIAL_SMALL', {
        set: set.name,
        known: usable.known,
        heldOut: held.count,
        prompts: held.firsts.length,
      });
    const heldOut = await writeHeldOut(sources);
    const prompts = options.prompts === 0 ? undefined : await writePrompts(sources, options.prompts);
    const arms = [await writeArm(sources, pool, { kind: allArm, keep: 1, seed: 0 })];
    for (const keep of options.keeps)
      for (const kind of options.arms)
        for (const seed of kind === 'random' ? options.seeds : [0])
          arms.push(await writeArm(sources, pool, { kind, keep, seed }));
    return {
      pairs: {
        all: set.card.pairs,
        known: usable.known,
        tests: usable.tests,
        heldOut: held.count,
        groups: held.firsts.length,
        pool,
      },
      arms,
      heldOut,
      prompts: prompts?.file ?? null,
      promptCount: prompts?.prompts ?? 0,
      notes: held.notes,
    };
  });
}

interface JobSources {
  set: PairSet;
  folder: string;
  options: PairTrialOptions;
  arms: readonly PairArm[];
  hasItems: boolean;
  prompts: number;
}

/** Writes all jobs, so that each one's inputs are fixed from the start. Errors: those of `writeJob`. */
async function writeJobs(
  run: Run,
  { set, folder, options, arms, hasItems, prompts }: JobSources,
): Promise<Pick<PairTrialPlan, 'models' | 'untuned'>> {
  const { training, answerTokens, seeds } = options;
  const write = async (name: string, plan: JobPlan): Promise<PairJob> => {
    const job = `pairs.${set.name}.trial-${options.name}.${name}`;
    const written = await writeJob(run.files.training, job, plan);
    return { name: job, sha256: await sha256File(join(written, jobFile)) };
  };
  const measure = async (
    name: string,
    model: StartModel,
    seed: number,
  ): Promise<PairTrialPlan['untuned']> => ({
    items: !hasItems ? null : await write(`${name}.items`, itemsJob(folder, model)),
    answers:
      prompts === 0
        ? null
        : await write(
            `${name}.answers`,
            answersJob(folder, model, { seed, maxTokens: answerTokens, chatTemplate: training.chatTemplate }),
          ),
  });
  const [all] = arms;
  const models: PairModel[] = [];
  for (const arm of arms)
    for (const budget of arm.kind === allArm ? (['both'] as const) : options.budgets)
      for (const seed of arm.seed === null ? seeds : [arm.seed]) {
        const steps = stepsOf(training, budget === 'steps' ? (all?.pairs ?? 0) : arm.pairs);
        const name = `${arm.id}${budget === 'both' ? '' : `.${budget}`}.s${seed}`;
        const train = await write(
          name,
          trainJob(folder, training, {
            file: arm.file.file,
            seed,
            steps: budget === 'steps' ? steps : undefined,
          }),
        );
        const trained = { checkpoint: join(run.files.training, train.name) };
        models.push({ arm: arm.id, budget, seed, steps, train, ...(await measure(name, trained, seed)) });
      }
  return { models, untuned: await measure('untuned', training.model, seeds[0] ?? 0) };
}
