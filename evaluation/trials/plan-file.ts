// trial.json, the plan of a trial: its arms, what measures them, and the jobs that train the models. Sealed, and
// never changed once it is written.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { listFolder } from '../../data/files/files.ts';
import { sha256 } from '../../models/trainer/job.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';

export const trialVersion = 1;
export const noFilterArm = 'no-filter';
export const randomArm = 'random';

export const trialName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/,
    'up to 40 letters, digits, "_" or "-", starting with a letter or digit',
  );

const amount = z.strictObject({ documents: count, tokens: count });
const file = z.strictObject({
  /** Relative to the trial's folder. */
  file: z.string(),
  bytes: count,
  sha256,
});

const armSchema = z.strictObject({
  /** Part of its jobs' names. */
  id: z.string(),
  kind: z.enum(['ranking', 'random', 'no filter']),
  /** The scorer of a ranking; '' for the others. */
  scorer: z.string(),
  /** Share of the tokens. */
  keep: z.number(),
  /** Which random draw, from 1; 0 for the others. */
  draw: count,
  /** The generation of the ranking that was cut, or of the one that lists the documents. */
  generation: z.string(),
  /** What the cut keeps, and of it what is left out: documents with test items, then held-out texts. */
  cut: amount,
  leaks: amount,
  heldOut: amount,
  /** Share of the rest that is written, because that is enough for the tokens to train on. */
  sampled: z.number(),
  written: amount,
  /** About how often each token is seen; the cards have the exact number. */
  passes: z.number(),
  files: z.array(file),
});
export type PlannedArm = z.output<typeof armSchema>;

const evaluationSchema = z.strictObject({
  items: file,
  texts: file,
  /** Texts that the learning rate is tuned on, and nothing else. */
  validation: file,
  /** `measure`: whether the answers can be told apart; if not, whole items are measured. */
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      items: count,
      measure: z.enum(['answer', 'whole']),
      /** Share of right answers by chance; null without choices. */
      chance: z.number().nullable(),
      /** Items left out because they are targets, and because their answer cannot be told apart. */
      targets: count,
      undivided: count,
    }),
  ),
  /** Benchmarks without tests in the settings. */
  untested: z.array(z.string()),
  sources: z.array(z.strictObject({ source: z.string(), texts: count })),
});

const jobSchema = z.strictObject({
  name: z.string(),
  arm: z.string(),
  seed: count,
  /** Which of `learningRates`. */
  learningRate: count,
  /** SHA-256 of job.json. */
  sha256,
});
export type PlannedJob = z.output<typeof jobSchema>;

export const estimateSchema = z.strictObject({
  tokensPerSecond: z.number(),
  peakMemoryMb: z.number(),
  parameters: z.strictObject({ all: count, withoutEmbeddings: count }).nullable(),
  /** For all jobs, one after the other. */
  seconds: z.number(),
  flops: z.number(),
  diskBytes: z.number(),
});
export type TrialEstimate = z.output<typeof estimateSchema>;

export const trialPlanSchema = z.strictObject({
  version: z.literal(trialVersion),
  kind: z.literal('betr trial'),
  name: trialName,
  plannedAt: z.iso.datetime(),
  /** Changes with everything that the plan was made from. */
  from: sha256,
  /** A size by name, or the folder of a model. */
  model: z.string(),
  /** `bytes`, a folder, or `bpe:VOCABULARY`; '' for the model folder's own. */
  tokenizer: z.string(),
  tokens: count,
  sequenceLength: count,
  batchTokens: count,
  /** Token counts at which every model is measured. */
  readings: z.array(count).min(1),
  decayShare: z.number(),
  learningRates: z.array(z.number().positive()).min(1),
  /** Bits per byte of the validation texts at each learning rate that was tried; empty if none was tuned. */
  tuning: z.array(z.strictObject({ learningRate: z.number(), bits: z.number() })),
  seeds: z.array(count).min(1),
  arms: z.array(armSchema).min(1),
  evaluation: evaluationSchema,
  jobs: z.array(jobSchema).min(1),
  estimate: estimateSchema,
});
export type TrialPlan = z.output<typeof trialPlanSchema>;
export type TrialEvaluation = z.output<typeof evaluationSchema>;

const planFile = 'trial.json';
/** The tokenizer's job, if the trial trains one. */
export const tokenizerJob = (trial: string): string => `${trial}.tokenizer`;

/** Errors: OPTION_INVALID. */
export function checkTrialName(name: string): string {
  const checked = trialName.safeParse(name);
  if (!checked.success)
    throw fail('OPTION_INVALID', {
      option: '--name',
      got: name.slice(0, 100),
      allowed: checked.error.issues[0]?.message ?? '',
    });
  return name;
}

/** The folder of a trial. Errors: OPTION_INVALID. */
export function trialFolder(run: Run, name: string): string {
  return join(run.files.trials, checkTrialName(name));
}

export async function saveTrial(run: Run, trial: TrialPlan): Promise<void> {
  await commitSealedJson(join(trialFolder(run, trial.name), planFile), trial);
}

/** The plan with this name; undefined if there is none. Errors: TRIAL_VERSION, FILE_DAMAGED, FILE_UNREADABLE. */
export async function findTrial(run: Run, name: string): Promise<TrialPlan | undefined> {
  const path = join(trialFolder(run, name), planFile);
  const version = await readVersion(path);
  if (version !== undefined && version !== trialVersion)
    throw fail('TRIAL_VERSION', { name, path, got: JSON.stringify(version), version: trialVersion });
  return readSealedJson(path, trialPlanSchema, 'betr trial plan');
}

/** The plan with this name. Errors: TRIAL_UNKNOWN, those of `findTrial`. */
export async function readTrial(run: Run, name: string): Promise<TrialPlan> {
  const trial = await findTrial(run, name);
  if (trial === undefined) throw fail('TRIAL_UNKNOWN', { name, known: await listTrials(run) });
  return trial;
}

/** The names of the run's trials, sorted. */
export async function listTrials(run: Run): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await listFolder(run.files.trials)).sort())
    if (
      trialName.safeParse(name).success &&
      (await ifThere(stat(join(run.files.trials, name, planFile)))) !== undefined
    )
      found.push(name);
  return found;
}

/** A plan's version, before anything else is read from it; undefined where it has none. */
async function readVersion(path: string): Promise<unknown> {
  const text = await ifThere(readRegular(path, 'utf8'));
  try {
    return z.looseObject({ version: z.unknown() }).parse(JSON.parse(text ?? '{}')).version;
  } catch {
    return undefined;
  }
}

/** What an arm is called in tables. */
export function nameArm({ kind, scorer, draw }: Pick<PlannedArm, 'kind' | 'scorer' | 'draw'>): string {
  return kind === 'no filter' ? kind : kind === 'random' ? `random ${draw}` : scorer;
}
