// The noise of seeds before a trial is done: from its own models without a filter, or from finished trials like it.

import { join } from 'node:path';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { lossOf } from './measured-arms.ts';
import { poolNoise, smallestDifference } from './noise.ts';
import { listTrials, type TrialPlan } from './plan-file.ts';
import { readReport } from './report-file.ts';
import { readResults } from './results.ts';
import type { TrialWorker } from './worker.ts';

export interface PlannedNoise {
  /** Where the noise was seen; '' if nowhere. */
  from: string;
  /** Standard deviation over seeds of the bits per byte of the answers; null if it is not known. */
  deviation: number | null;
  /** The smallest difference that the plan finds four times out of five. */
  smallest: number | null;
}

/** Models trained on this many times the tokens, or this share of them, are noisy in another way. */
const alike = 2;

/**
 * Estimates the noise. With a worker, the plan's models without a filter are trained first, all seeds of them; they are
 * not trained again later. Errors: those of the worker.
 */
export async function estimateNoise(
  run: Run,
  plan: TrialPlan,
  worker: TrialWorker | undefined,
  report: Report,
): Promise<PlannedNoise> {
  const noFilter = plan.arms.find(({ kind }) => kind === 'no filter')?.id;
  const pilot = plan.jobs.filter(({ arm, learningRate }) => arm === noFilter && learningRate === 0);
  await worker?.run(
    pilot.map(({ name }) => join(run.files.training, name)),
    report,
  );
  const { results } = await readResults(run, { ...plan, jobs: pilot }, report);
  const own = poolNoise([results.map((result) => lossOf(plan, result))]);
  if (own !== undefined) return describe(plan, own, 'its models without a filter');
  for (const name of await listTrials(run)) {
    const other = await readReport(run, name);
    const noise = other?.learningRates[0]?.noise;
    if (other === undefined || noise === undefined || noise === null) continue;
    const isLike =
      other.model === plan.model &&
      other.tokenizer === plan.tokenizer &&
      other.tokens <= alike * plan.tokens &&
      plan.tokens <= alike * other.tokens;
    if (isLike) return describe(plan, noise, `trial "${name}"`);
  }
  return { from: '', deviation: null, smallest: null };
}

function describe(
  { seeds }: TrialPlan,
  noise: NonNullable<ReturnType<typeof poolNoise>>,
  from: string,
): PlannedNoise {
  return { from, deviation: noise.deviation, smallest: smallestDifference(noise, seeds.length) };
}
