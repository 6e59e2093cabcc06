// Named calibrations of a run: calibrations/NAME.json holds the training runs and the law fitted to them.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { commitBytes, readJson } from '../../data/files/commit.ts';
import { fail } from '../../run/errors/errors.ts';
import { listFolder } from '../../data/files/files.ts';
import type { Run } from '../../run/run.ts';
import { fitLaw, fitSchema, type Trial, trialSchema } from './calibrate.ts';
import { type Law, lawNames, laws } from './laws.ts';

export const calibrationName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    'up to 64 letters, digits, "_" or "-", starting with a letter or digit',
  )
  .refine((name) => !isPaperLaw(name), { error: "a name that none of the paper's laws has" });

export const calibrationSchema = z.strictObject({
  name: calibrationName,
  calibratedAt: z.iso.datetime(),
  formula: z.string(),
  fit: fitSchema,
  runs: z.array(trialSchema),
});
export type Calibration = z.output<typeof calibrationSchema>;

/** Fits a law to the runs. Errors: CALIBRATION_REFUSED. */
export async function fitCalibration(name: string, runs: readonly Trial[]): Promise<Calibration> {
  const fit = await fitLaw(runs);
  const formula = `F = ${fit.coefficient.toPrecision(3)} · C^${fit.exponent.toPrecision(3)} (F in %, C in FLOPs)`;
  return { name, calibratedAt: new Date().toISOString(), formula, fit, runs: [...runs] };
}

/**
 * Fits a law to the runs and saves it under a name, replacing an earlier one. Errors: CALIBRATION_REFUSED,
 * DISK_FULL, WRITE_FAILED.
 */
export async function calibrate(run: Run, name: string, runs: readonly Trial[]): Promise<Calibration> {
  const calibration = await fitCalibration(name, runs);
  await saveCalibration(run, name, JSON.stringify(calibration, null, 1));
  return calibration;
}

/** Saves a calibration's JSON under its name. Errors: DISK_FULL, WRITE_FAILED. */
export async function saveCalibration(run: Run, name: string, json: string): Promise<void> {
  await commitBytes(pathOf(run, name), `${json}\n`);
}

/** Every calibration of the run, by name. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export async function listCalibrations(run: Run): Promise<Calibration[]> {
  const names = (await listFolder(run.files.calibrations))
    .filter((file) => file.endsWith('.json') && !file.startsWith('.'))
    .map((file) => file.slice(0, -'.json'.length));
  const found: Calibration[] = [];
  for (const name of names.sort()) {
    const calibration = await readCalibration(run, name);
    if (calibration !== undefined) found.push(calibration);
    // Lets a server answer other requests in between.
    await setImmediate();
  }
  return found;
}

/**
 * The law with this name: one of the paper's, or a calibration. Errors: OPTION_INVALID, FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function readLaw(run: Run, name: string): Promise<Law> {
  if (isPaperLaw(name)) return laws[name];
  const calibration = calibrationName.safeParse(name).success ? await readCalibration(run, name) : undefined;
  if (calibration !== undefined) return lawOf(calibration);
  const names = (await listFolder(run.files.calibrations))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
  throw fail('OPTION_INVALID', {
    option: 'pool',
    got: name.slice(0, 100),
    allowed: `one of ${[...lawNames, ...names.sort()].join(', ')}, or the name of a calibration (betr calibrate)`,
  });
}

/** A calibration as a law. [ours] Beyond the budgets it was fitted on, it is extrapolated. */
export function lawOf({ name, formula, fit, runs }: Calibration): Law {
  const flops = fit.budgets.map((budget) => budget.flops);
  const [from, to] = [Math.min(...flops), Math.max(...flops)];
  return {
    name,
    regime: 'compute-optimal',
    formula,
    coefficient: fit.coefficient,
    exponent: fit.exponent,
    calibrated: true,
    fittedFlops: { from, to, extrapolatedBeyond: to },
    lowestTestedRate: Math.min(...runs.map(({ keep }) => keep)),
  };
}

function isPaperLaw(name: string): name is (typeof lawNames)[number] {
  return lawNames.some((law) => law === name);
}

function readCalibration(run: Run, name: string): Promise<Calibration | undefined> {
  return readJson(pathOf(run, name), calibrationSchema, 'betr calibrate');
}

function pathOf(run: Run, name: string): string {
  return join(run.files.calibrations, `${calibrationName.parse(name)}.json`);
}
