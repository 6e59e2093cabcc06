// `betr domains`: reads the losses and benchmark errors of other people's models and weighs every domain
// (arXiv 2409.05816; docs/method.md, "Domain weights"). With pages, it also writes the sample and the targets
// that the classifier learns from. The same tables and settings always give the same result, and a run
// repeats only what has changed.

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import type { DomainSettings } from '../run/domain-settings.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { familyOf, readFamilies, readTokenCounts } from './labels.ts';
import { type LossTable, openLosses } from './losses.ts';
import { type Measured, measureDomains } from './measure.ts';
import { writePages } from './pages.ts';
import {
  type Domain,
  type DomainsNote,
  type DomainWeights,
  readDomains,
  readDomainsNote,
  withoutMarks,
  writeDomains,
} from './result.ts';
import { predictHeldOut } from './prediction.ts';
import { leaveFamiliesOut } from './families.ts';
import { type BenchmarkErrors, chooseBenchmarks, combineErrors, readErrors } from './target.ts';
import { listWarnings } from './warnings.ts';
import { capsOf, checkCaps, weigh } from './weights.ts';
import { fingerprintInputs, hasPages } from './inputs.ts';

const fewestModels = 3;
/** Memory limit of the database; anything larger spills to disk. */
const memoryMb = 640;

export interface Resources {
  /** Folder that relative paths in the settings start from. */
  folder: string;
  /** Spill folder that nothing else uses; by default a folder in the system's temporary folder. */
  spill?: string;
  threads?: number | undefined;
}

/**
 * Estimates and weighs the domains and writes their weights to the run. Errors: those of `estimateDomains`
 * and `writePages`; DISK_FULL, WRITE_FAILED.
 */
export async function weighDomains(
  run: Run,
  settings: DomainSettings,
  report: Report,
): Promise<DomainWeights> {
  const folder = run.settingsFolder;
  const from = await fingerprintInputs(settings, folder, run);
  const known = await readDomainsNote(run);
  if (known?.from === from && (known.pages === null || (await hasPages(run, from)))) return readDomains(run);
  const { domains, ...found } = await estimateDomains(
    settings,
    { folder, spill: run.files.spill, threads: run.settings.workers },
    report,
  );
  const pages =
    settings.pages === undefined
      ? null
      : await writePages(run, settings.pages, folder, domains, from, report);
  const note: DomainsNote = { version: 1, ...found, pages, from };
  await writeDomains(run, note, domains);
  return withoutMarks(note, domains);
}

export type Found = Omit<DomainWeights, 'pages'>;

/**
 * Estimates and weighs the domains; writes nothing. Errors: MODELS_UNMATCHED, MODELS_TOO_FEW, CAPS_TOO_LOW,
 * OPTION_INVALID, and those of reading the tables.
 */
export async function estimateDomains(
  settings: DomainSettings,
  { folder, threads, spill = join(tmpdir(), `betr-domains-${randomUUID()}`) }: Resources,
  report: Report,
): Promise<Found> {
  const path = (name: string): string => resolve(folder, name);
  return withSpillingDuckDb(
    spill,
    async (connection) => {
      const errors = await readErrors(connection, path(settings.errors));
      const target = chooseBenchmarks(errors, settings.benchmarks);
      const losses = await openLosses(connection, path(settings.losses), settings.raw);
      const tokenCounts =
        settings.tokens === undefined
          ? undefined
          : { path: path(settings.tokens), counts: await readTokenCounts(connection, path(settings.tokens)) };
      const given =
        settings.families === undefined ? undefined : await readFamilies(connection, path(settings.families));
      const models = joinModels(losses, errors, target);
      const families = models.map((model) => given?.get(model) ?? familyOf(model));
      const combined = combineErrors(
        target.map((benchmark) =>
          Float64Array.from(models, (model) => errors.models.get(model)?.get(benchmark) ?? Number.NaN),
        ),
        settings.combine,
      );
      const measured = await measureDomains(
        losses,
        { models, errors: combined, tokenCounts },
        settings,
        report,
      );
      const domains = weighMeasured(measured, settings);
      report({ stage: 'domains: check robustness', done: 0, unit: 'domains' });
      const found = {
        estimator: settings.estimator,
        target,
        models: models.length,
        modelsLeftOut: new Set([...losses.models, ...errors.models.keys()]).size - models.length,
        ofDomains: domains.length,
        domainsLeftOut: measured.leftOut.count,
        tokensFrom:
          tokenCounts !== undefined
            ? ('tokens table' as const)
            : losses.hasTokens
              ? ('losses table' as const)
              : ('none: all alike' as const),
        resamples: measured.resampled.length,
        families: leaveFamiliesOut(measured.sample, combined, families, settings),
        prediction: predictHeldOut(measured.sample, combined, settings),
      };
      return {
        ...found,
        warnings: listWarnings({ ...found, settings, errors, measured }),
        settings,
        domains,
      };
    },
    { memoryMb, ...(threads === undefined ? {} : { threads }) },
  );
}

/** The models with losses and with an error on every target benchmark, sorted. */
function joinModels(losses: LossTable, errors: BenchmarkErrors, target: readonly string[]): string[] {
  const common = losses.models.filter((model) => errors.models.has(model));
  if (common.length === 0)
    throw fail('MODELS_UNMATCHED', {
      losses: losses.path,
      errors: errors.path,
      lossModel: losses.models[0] ?? 'no model',
      errorModel: [...errors.models.keys()].sort()[0] ?? 'no model',
    });
  const complete = common.filter((model) =>
    target.every((benchmark) => errors.models.get(model)?.has(benchmark)),
  );
  if (complete.length < fewestModels)
    throw fail('MODELS_TOO_FEW', { models: complete.length, need: fewestModels });
  return complete;
}

/** The domains with their weights, best estimate first. */
function weighMeasured(
  { names, tokens, estimates, low, high, resampled }: Measured,
  { weights: projection, keepRate, repeat }: DomainSettings,
): Domain[] {
  const caps = capsOf(tokens, keepRate, repeat);
  checkCaps(caps);
  const weights = weigh(projection, estimates, caps, names);
  const chosen = new Float64Array(names.length);
  for (const drawn of resampled) {
    for (const [domain, weight] of weigh(projection, drawn, caps, names).entries())
      if (weight > 0) chosen[domain] = (chosen[domain] ?? 0) + 1;
  }
  const order = Uint32Array.from(names.keys()).sort(
    (a, b) => (estimates[b] ?? 0) - (estimates[a] ?? 0) || ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1),
  );
  return Array.from(order, (at) => {
    const weight = weights[at] ?? 0;
    return {
      domain: names[at] ?? '',
      tokens: tokens[at] ?? 0,
      estimate: estimates[at] ?? 0,
      low: low[at] ?? null,
      high: high[at] ?? null,
      chosen: resampled.length === 0 ? null : (chosen[at] ?? 0) / resampled.length,
      weight,
      include: weight > 0,
    };
  });
}
