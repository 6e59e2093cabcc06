// Plans a trial: opens the rankings, leaves out test items and held-out texts, writes the arms' documents, what
// measures the models, and the jobs, and predicts what these take. Nothing is trained, except a tokenizer.

import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { readLeaks } from '../../leaks/leaks-card.ts';
import { hashModelFolder } from '../../models/trainer/folder-hash.ts';
import { jobFile } from '../../models/trainer/read-job.ts';
import { writeJob } from '../../models/trainer/write-job.ts';
import { openLeakMask } from '../../ranking/selection/leak-mask.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { type ArmOptions, type OpenArm, openArms } from './arms.ts';
import { estimateTrial } from './estimate.ts';
import { drawHeldOut, type HeldOutText } from './held-out.ts';
import { readItems, type TrialItems } from './items.ts';
import { itemsFile, nameJob, textsFile, tokenizerPlan, trainingJob, type TrialDesign } from './jobs.ts';
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
import { countArm, type CountedArm, writeArm } from './selections.ts';
import type { TrialWorker } from './worker.ts';

export interface TrialOptions extends TrialDesign, ArmOptions {
  learningRates: readonly number[];
  seeds: readonly number[];
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
  const first = open[0];
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
  const counted: CountedArm[] = [];
  for (const arm of open)
    counted.push(
      await countArm(
        arm,
        { leaks, heldOut },
        { tokens: options.tokens, perToken: tokensPerToken(options, arm) },
      ),
    );
  const arms: PlannedArm[] = [];
  for (const arm of counted) arms.push(await writeArm(arm, folder, report));
  const evaluation = await writeEvaluation(folder, items, texts);
  await makeTokenizer(run, folder, options, arms, { worker, report });
  const jobs = await writeJobs(run, folder, options, arms);
  const [firstJob] = jobs;
  const measured = await worker.measure(join(run.files.training, firstJob?.name ?? ''), measuredSteps);
  const plan: TrialPlan = {
    version: trialVersion,
    kind: 'betr trial',
    name,
    plannedAt: new Date().toISOString(),
    from,
    model: options.model,
    tokenizer: options.tokenizer,
    tokens: options.tokens,
    sequenceLength: options.sequenceLength,
    batchTokens: options.batchTokens,
    readings: options.readings,
    decayShare: options.decayShare,
    learningRates: [...options.learningRates],
    seeds: [...options.seeds],
    arms,
    evaluation,
    jobs,
    estimate: estimateTrial(options, {
      jobs: jobs.length,
      arms,
      evaluationBytes: items.bytes + texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
      measured,
    }),
  };
  await saveTrial(run, plan);
  return plan;
}

/** What a name means: the content of a model's or tokenizer's folder, else the name itself. */
async function hashNamed(name: string): Promise<string> {
  return (name === '' ? undefined : await hashModelFolder(name)) ?? name;
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

async function writeEvaluation(
  folder: string,
  items: TrialItems,
  texts: readonly HeldOutText[],
): Promise<TrialPlan['evaluation']> {
  const write = async (file: string, lines: readonly object[]): Promise<TrialPlan['evaluation']['items']> => {
    const path = join(folder, file);
    await commitBytes(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return { file, bytes: (await stat(path)).size, sha256: await sha256File(path) };
  };
  const sources = [...new Set(texts.map(({ source }) => source))].sort();
  return {
    items: await write(itemsFile, items.lines),
    texts: await write(
      textsFile,
      texts.map(({ shard, row, source, text }) => ({ id: `${shard}#${row}`, set: source, text })),
    ),
    benchmarks: items.benchmarks,
    untested: items.untested,
    sources: sources.map((source) => ({
      source,
      texts: texts.filter((text) => text.source === source).length,
    })),
  };
}

async function makeTokenizer(
  run: Run,
  folder: string,
  design: TrialDesign,
  arms: readonly PlannedArm[],
  { worker, report }: { worker: TrialWorker; report: Report },
): Promise<void> {
  const all = arms.find(({ kind }) => kind === 'no filter');
  const job = all === undefined ? undefined : tokenizerPlan(run, folder, design, all);
  if (job === undefined) return;
  await worker.run([await writeJob(run.files.training, tokenizerJob(design.name), job)], report);
}

async function writeJobs(
  run: Run,
  folder: string,
  options: TrialOptions,
  arms: readonly PlannedArm[],
): Promise<PlannedJob[]> {
  const jobs: PlannedJob[] = [];
  // The first jobs are all arms at one seed, so that a trial that is stopped has something of each.
  for (const [learningRate, value] of options.learningRates.entries())
    for (const seed of options.seeds)
      for (const arm of arms) {
        const name = nameJob(options.name, arm.id, seed, learningRate);
        const job = trainingJob(run, folder, options, { arm, seed, learningRate: value });
        const own = await writeJob(run.files.training, name, job);
        jobs.push({ name, arm: arm.id, seed, learningRate, sha256: await sha256File(join(own, jobFile)) });
      }
  return jobs;
}
