// Plans a trial: opens the rankings, leaves out test items and held-out texts, writes the arms' documents, what
// measures the models, and the jobs, and predicts what these take. Only a tokenizer is trained, and models to tune the
// learning rate if that is asked for.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256File } from '../../data/files/hash-files.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { readLeaks } from '../../leaks/leaks-card.ts';
import { hashModelFolder } from '../../models/trainer/folder-hash.ts';
import { jobFile } from '../../models/trainer/read-job.ts';
import { readJobState } from '../../models/trainer/state.ts';
import { type JobPlan, writeJob } from '../../models/trainer/write-job.ts';
import { openLeakMask } from '../../ranking/selection/leak-mask.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { type ArmOptions, type OpenArm, openArms } from './arms.ts';
import { estimateTrial } from './estimate.ts';
import { writeEvaluation } from './evaluation-files.ts';
import { drawHeldOut, type HeldOutText } from './held-out.ts';
import { readItems, type TrialItems } from './items.ts';
import { nameJob, tokenizerPlan, trainingJob, type TrialDesign, tuningJob } from './jobs.ts';
import {
  findTrial,
  type PlannedArm,
  type PlannedJob,
  saveTrial,
  tokenizerJob,
  trialFolder,
  type TrialPlan,
  trialVersion,
} from './plan-file.ts';
import { countArm, type CountedArm, type Without, writeArm } from './selections.ts';
import { readTuning } from './tuning.ts';
import type { TrialWorker } from './worker.ts';

export interface TrialOptions extends TrialDesign, ArmOptions {
  learningRates: readonly number[];
  seeds: readonly number[];
  /** Whether to tune the first learning rate. */
  tune: boolean;
  /** Most items of each benchmark, and most held-out texts of each source. */
  items: number;
  texts: number;
}

const measuredSteps = 20;
const heldOutFile = 'held-out.parquet';

/**
 * Plans a trial and saves the plan; the same options, rankings and tests give the same plan again. The run must be
 * locked. Errors: TRIAL_EXISTS, TRIAL_VERSION, NO_TESTS; those of `openArms`, `findLeaks`, `countArm`, `writeJob`, and
 * of the worker.
 */
export async function planTrial(
  run: Run,
  options: TrialOptions,
  worker: TrialWorker,
  report: Report,
): Promise<TrialPlan> {
  const { name } = options;
  const folder = trialFolder(run, name);
  const items = await readItems(run, options.items);
  const open = await openArms(run, options, report);
  const from = fingerprint({
    version: trialVersion,
    options: {
      ...options,
      model: await hashNamed(options.model),
      tokenizer: await hashNamed(options.tokenizer),
    },
    arms: open.map(({ arm }) => arm),
    items: items.lines,
  });
  const known = await findTrial(run, name);
  if (known?.from === from) return known;
  if (known !== undefined) throw fail('TRIAL_EXISTS', { name, path: folder });
  // What an interrupted plan left.
  await rm(folder, { recursive: true, force: true });
  const plan = await makePlan({ run, folder, options, worker, report }, { from, items, open });
  await saveTrial(run, plan);
  return plan;
}

interface Planning {
  run: Run;
  /** The trial's. */
  folder: string;
  options: TrialOptions;
  worker: TrialWorker;
  report: Report;
}

async function makePlan(
  planning: Planning,
  { from, items, open }: { from: string; items: TrialItems; open: readonly OpenArm[] },
): Promise<TrialPlan> {
  const { run, folder, options, worker, report } = planning;
  const [first] = open;
  if (first === undefined) throw fail('INTERNAL', { reason: 'a trial without arms' });
  await removeLeaks(run, items.files, report);
  const leaks = await openLeakMask(run, first.ranking);
  const heldOut = join(folder, heldOutFile);
  const texts = await drawHeldOut(
    run,
    first.ranking,
    leaks,
    { path: heldOut, perSource: options.texts },
    report,
  );
  const arms = await writeArms(planning, open, { leaks, heldOut });
  const evaluation = await writeEvaluation(folder, items, texts);
  await makeTokenizer(planning, arms);
  const tuning = options.tune ? await tuneRate(planning, arms, texts) : [];
  const learningRates = chooseRates(options.learningRates, tuning);
  const measuredTexts = texts.filter(({ isValidation }) => !isValidation);
  const jobs = await writeJobs(planning, arms, { learningRates, hasTexts: measuredTexts.length > 0 });
  const measured = await worker.measure(join(run.files.training, jobs[0]?.name ?? ''), measuredSteps);
  return {
    version: trialVersion,
    kind: 'betr trial',
    name: options.name,
    plannedAt: new Date().toISOString(),
    from,
    model: options.model,
    tokenizer: options.tokenizer,
    tokens: options.tokens,
    sequenceLength: options.sequenceLength,
    batchTokens: options.batchTokens,
    readings: options.readings,
    decayShare: options.decayShare,
    learningRates,
    tuning,
    seeds: [...options.seeds],
    arms,
    evaluation,
    jobs,
    estimate: estimateTrial(options, {
      jobs: jobs.length,
      arms,
      evaluationBytes:
        items.bytes + measuredTexts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
      measured,
    }),
  };
}

/** All arms are counted before the first is written, so that an empty one costs nothing. */
async function writeArms(
  { folder, options, report }: Planning,
  open: readonly OpenArm[],
  without: Without,
): Promise<PlannedArm[]> {
  const counted: CountedArm[] = [];
  for (const arm of open)
    counted.push(
      await countArm(arm, without, { tokens: options.tokens, perToken: tokensPerToken(options, arm) }),
    );
  const arms: PlannedArm[] = [];
  for (const arm of counted) arms.push(await writeArm(arm, folder, report));
  return arms;
}

/** What a name means: the content of a model's or tokenizer's folder, else the name itself. */
async function hashNamed(name: string): Promise<string> {
  return (/[\\/]/.test(name) ? await hashModelFolder(name) : undefined) ?? name;
}

/** A byte tokenizer makes a token of each byte; others make about as many as the ranking counts. */
function tokensPerToken({ tokenizer }: TrialDesign, { ranking }: OpenArm): number {
  return tokenizer === 'bytes' ? Math.max(1, ranking.textBytes / Math.max(1, ranking.tokens)) : 1;
}

/** Brings the list of leaks up to date, with these tests among those that it is about. */
async function removeLeaks(run: Run, files: readonly string[], report: Report): Promise<void> {
  const known = await readLeaks(run).catch((error: unknown) => {
    if (error instanceof BetrError && error.code === 'STEP_MISSING') return undefined;
    throw error;
  });
  const tests = [...new Set([...(known?.inputs.files ?? []), ...files])];
  await findLeaks(
    run,
    { tests, ...(known === undefined ? {} : { runWords: known.inputs.runWords }) },
    report,
  );
}

async function makeTokenizer(
  { run, folder, options, worker, report }: Planning,
  arms: readonly PlannedArm[],
): Promise<void> {
  const all = arms.find(({ kind }) => kind === 'no filter');
  const job = all === undefined ? undefined : tokenizerPlan(run, folder, options, all);
  if (job === undefined) return;
  await worker.run([await writeTrialJob(run, tokenizerJob(options.name), job, { mayBeDone: true })], report);
}

async function writeJobs(
  { run, folder, options }: Planning,
  arms: readonly PlannedArm[],
  { learningRates, hasTexts }: { learningRates: readonly number[]; hasTexts: boolean },
): Promise<PlannedJob[]> {
  const jobs: PlannedJob[] = [];
  // The first jobs are all arms at one seed, so that a trial that is stopped has something of each.
  for (const [learningRate, value] of learningRates.entries())
    for (const seed of options.seeds)
      for (const arm of arms) {
        const name = nameJob(options.name, arm.id, seed, learningRate);
        const job = trainingJob(run, folder, options, { arm, seed, learningRate: value, hasTexts });
        const own = await writeTrialJob(run, name, job, { mayBeDone: false });
        jobs.push({ name, arm: arm.id, seed, learningRate, sha256: await sha256File(join(own, jobFile)) });
      }
  return jobs;
}

/**
 * Writes a job, in place of one that a plan with other options left when it was interrupted. A model that is trained,
 * or in training, is never replaced: only what prepares the trial `mayBeDone`. Errors: those of `writeJob`.
 */
async function writeTrialJob(
  run: Run,
  name: string,
  job: JobPlan,
  { mayBeDone }: { mayBeDone: boolean },
): Promise<string> {
  const { training } = run.files;
  try {
    return await writeJob(training, name, job);
  } catch (error) {
    if (!(error instanceof BetrError && error.code === 'TRAINING_JOB_EXISTS')) throw error;
    const state = (await readJobState(join(training, name)))?.state;
    if (state === 'running' || (state === 'done' && !mayBeDone)) throw error;
    await rm(join(training, name), { recursive: true });
    return writeJob(training, name, job);
  }
}

/**
 * Trains models without a filter at several learning rates, and measures them on texts for this alone. Errors:
 * TRIAL_NO_VALIDATION, those of the worker.
 */
async function tuneRate(
  { run, folder, options, worker, report }: Planning,
  arms: readonly PlannedArm[],
  texts: readonly HeldOutText[],
): Promise<TrialPlan['tuning']> {
  if (!texts.some(({ isValidation }) => isValidation))
    throw fail('TRIAL_NO_VALIDATION', { texts: texts.length });
  const arm = arms.find(({ kind }) => kind === 'no filter');
  const [suited] = options.learningRates;
  if (arm === undefined || suited === undefined) return [];
  const jobs: { name: string; learningRate: number }[] = [];
  for (const learningRate of [suited / 3, suited, 3 * suited]) {
    const name = `${options.name}.tune.s0.lr${jobs.length + 1}`;
    const job = tuningJob(run, folder, options, { arm, seed: 0, learningRate });
    await writeTrialJob(run, name, job, { mayBeDone: true });
    jobs.push({ name, learningRate });
  }
  await worker.run(
    jobs.map(({ name }) => join(run.files.training, name)),
    report,
  );
  return readTuning(run, jobs);
}

/** The learning rates with the first one tuned. */
function chooseRates(learningRates: readonly number[], tuning: TrialPlan['tuning']): number[] {
  const [best] = tuning.toSorted((a, b) => a.bits - b.bits);
  return best === undefined
    ? [...learningRates]
    : [...new Set([best.learningRate, ...learningRates.slice(1)])];
}
