// Reports a trial on preference pairs: what each arm does on held-out pairs, what it costs on benchmarks, and its win
// rates where a judge was asked.

import { join } from 'node:path';
import { commitBytes, commitJson } from '../../data/files/commit.ts';
import { percentileBounds } from '../../data/statistics.ts';
import { fitCapacity } from '../../pairs/capacity.ts';
import { parseRuns } from '../../pairs/runs.ts';
import { openPairs, type PairSet } from '../../pairs/set.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Bits } from '../bits.ts';
import { mean } from '../trials/noise.ts';
import { meanOverSets, resampleItems, type ResampledRuns } from '../trials/resample.ts';
import { seed } from '../trials/set-values.ts';
import {
  type ArmGroup,
  type Baseline,
  compareArms,
  compareWithRun,
  groupArms,
  intervalOf,
} from './arm-runs.ts';
import { budgetsOf } from './jobs.ts';
import { readVerdicts, type Verdicts } from './judge.ts';
import { listPairNotes } from './notes.ts';
import { allArm, type Budget, pairTrialFolder, type PairTrialPlan, readPairTrial } from './plan-file.ts';
import { type PairTrialReport, reportJson, type ReportedPairArm } from './report-file.ts';
import { type ItemBits, type ModelResult, type PairTrialResults, readPairResults } from './results.ts';
import { joinVerdicts, lengthControlled, resamplePrompts, winRate } from './win-rates.ts';

/**
 * Reports a trial, and writes report.json and tables of runs into its folder. Errors: PAIRS_TRIAL_UNKNOWN,
 * PAIRS_TRIAL_NO_RESULTS, WRITE_FAILED, DISK_FULL, those of `openPairs`.
 */
export async function reportPairTrial(
  run: Run,
  setName: string,
  name: string,
  progress: Report,
): Promise<PairTrialReport> {
  const set = await openPairs(run, setName);
  const plan = await readPairTrial(set, name);
  const results = await readPairResults(run, set, plan, progress);
  const { models, untuned, problems } = results;
  if (models.length === 0)
    throw fail('PAIRS_TRIAL_NO_RESULTS', {
      set: setName,
      name,
      models: plan.models.length,
      problems: problems.map(({ job, problem }) => `${job}: ${problem}`),
    });
  const groups = groupArms(plan, models);
  const items = measureItems(groups, models, untuned.items);
  const judged = measureJudged(groups, results, await readVerdicts(set, plan));
  const heldOut = models[0]?.heldOut ?? [];
  const report: PairTrialReport = {
    version: 1,
    kind: 'betr pairs trial report',
    trial: name,
    set: setName,
    measurement: plan.measurement.name,
    student: plan.student,
    parameters: models[0]?.card.parameters ?? null,
    seeds: plan.seeds,
    models: { done: models.length, of: plan.models.length },
    heldOut: { pairs: heldOut.reduce((sum, { pairs }) => sum + pairs, 0), groups: heldOut.length },
    seconds: models.reduce((sum, { card }) => sum + card.seconds, 0),
    flops: models.reduce((sum, { card }) => sum + (card.flops ?? 0), 0),
    untuned: { items: items?.untuned ?? null, answerCharacters: meanCharacters(untuned.answers?.texts) },
    judge:
      judged === undefined || plan.judge === null
        ? null
        : { name: plan.judge, prompts: judged.prompts, leftOut: judged.out, tokens: judged.tokens },
    arms: reportArms(groups, models, items, judged),
    peaks: judged === undefined ? [] : await writePeaks(set, plan, models, groups, judged),
    problems,
    notes: [],
  };
  report.notes = listPairNotes(plan, report);
  await commitJson(join(pairTrialFolder(set, name), reportJson), report);
  return report;
}

function reportArms(
  groups: readonly ArmGroup[],
  models: readonly ModelResult[],
  items: MeasuredItems | undefined,
  judged: MeasuredJudge | undefined,
): ReportedPairArm[] {
  const [accuracy, loss, chosen, rejected] = measureHeldOut(groups, models);
  return groups.map((group, at): ReportedPairArm => {
    const own = [...group.runs.values()].flat().flatMap((run) => models[run] ?? []);
    const average = (read: (arm: ArmGroup['arms'][number]) => number): number => mean(group.arms.map(read));
    const estimate = (of: { values: readonly ReportedPairArm['accuracy'][] } | undefined) => {
      const found = of?.values[at];
      return found === undefined ? null : intervalOf(found);
    };
    const sure = (of: { values: readonly ReportedPairArm['accuracy'][] } | undefined) =>
      estimate(of) ?? { value: 0, low: 0, high: 0 };
    return {
      arm: group.kind,
      keep: group.keep,
      budget: group.budget,
      pairs: Math.round(average((arm) => arm.pairs)),
      steps: mean(own.map(({ heldOut }) => heldOut[0]?.step ?? 0)),
      seeds: group.runs.size,
      difficulty: average((arm) => arm.difficulty),
      chosenCharacters: average((arm) => arm.chosenCharacters),
      rejectedCharacters: average((arm) => arm.rejectedCharacters),
      accuracy: sure(accuracy),
      loss: sure(loss),
      chosen: sure(chosen),
      rejected: sure(rejected),
      accuracyOverAll: accuracy?.overAll[at] ?? null,
      accuracyOverRandom: accuracy?.overRandom[at] ?? null,
      lossOverAll: loss?.overAll[at] ?? null,
      lossOverRandom: loss?.overRandom[at] ?? null,
      items: estimate(items?.compared),
      itemsOverUntuned: items?.overUntuned?.[at] ?? null,
      itemsOverAll: items?.compared.overAll[at] ?? null,
      benchmarks: (items?.benchmarks ?? []).map(({ benchmark, values, overUntuned }) => ({
        benchmark,
        bits: sure({ values }),
        overUntuned: overUntuned?.[at] ?? null,
      })),
      answerCharacters: meanOfKnown(own.map(({ answers }) => meanCharacters(answers?.texts))),
      winRate: estimate(judged?.plain),
      lengthControlled: estimate(judged?.controlled),
      lengthControlledOverAll: judged?.controlled.overAll[at] ?? null,
    };
  });
}

/** Groups of pairs with similar prompts are resampled together: their pairs are not independent. */
function measureHeldOut(groups: readonly ArmGroup[], models: readonly ModelResult[]) {
  const runs = models.map(({ heldOut }): Bits[] => {
    const bytes = Float64Array.from(heldOut, ({ pairs }) => pairs);
    return (['right', 'loss', 'chosen', 'rejected'] as const).map((column) => ({
      bits: Float64Array.from(heldOut, (sums) => sums[column]),
      bytes,
    }));
  });
  const [accuracy, loss, chosen, rejected] = resampleItems(runs, seed);
  const compare = (
    values: ResampledRuns | undefined,
    better: 'higher' | 'lower',
    baselines: readonly Baseline[] = [],
  ) => values && compareArms(groups, values, better, baselines);
  return [
    compare(accuracy, 'higher', ['all', 'random']),
    compare(loss, 'lower', ['all', 'random']),
    compare(chosen, 'higher'),
    compare(rejected, 'lower'),
  ] as const;
}

type MeasuredItems = NonNullable<ReturnType<typeof measureItems>>;

/** Undefined unless all models that are done have read the items. */
function measureItems(
  groups: readonly ArmGroup[],
  models: readonly ModelResult[],
  untuned: readonly ItemBits[] | null,
) {
  const runs = [...models.map(({ items }) => items), ...(untuned === null ? [] : [untuned])];
  const known = runs.flatMap((sets) => (sets === null || sets.length === 0 ? [] : [sets]));
  const [first] = known;
  if (first === undefined || known.length < runs.length) return undefined;
  const sets = resampleItems(known, seed);
  const all = meanOverSets(sets);
  const last = models.length;
  const overUntuned = (values: ResampledRuns) =>
    untuned === null ? undefined : compareWithRun(groups, values, last);
  const untunedValue = all.plain[last] ?? 0;
  return {
    compared: compareArms(groups, all, 'lower', ['all']),
    overUntuned: overUntuned(all),
    untuned:
      untuned === null
        ? null
        : {
            value: untunedValue,
            ...percentileBounds(
              all.samples.map((sample) => sample[last] ?? 0),
              untunedValue,
            ),
          },
    benchmarks: sets.map((values, at) => ({
      benchmark: first[at]?.set ?? '',
      values: compareArms(groups, values, 'lower').values,
      overUntuned: overUntuned(values),
    })),
  };
}

type MeasuredJudge = NonNullable<ReturnType<typeof measureJudged>>;

/** Undefined unless the judge has seen the answers of all models that are done, as they are now. */
function measureJudged(
  groups: readonly ArmGroup[],
  { models, untuned }: PairTrialResults,
  verdicts: Verdicts | undefined,
) {
  if (verdicts === undefined || verdicts.untuned !== untuned.answers?.sha256) return undefined;
  const lists = models.flatMap(({ model, answers }) => {
    const own = verdicts.models[model.answers?.name ?? ''];
    return own === undefined || own.answers !== answers?.sha256 ? [] : [own.verdicts];
  });
  if (lists.length < models.length) return undefined;
  const { judged, prompts, out } = joinVerdicts(lists);
  if (prompts === 0) return undefined;
  const plainRuns = resamplePrompts(judged, prompts, winRate, seed);
  const controlledRuns = resamplePrompts(judged, prompts, lengthControlled, seed);
  return {
    prompts,
    out,
    tokens: verdicts.tokens,
    plainRuns,
    controlledRuns,
    plain: compareArms(groups, plainRuns, 'higher'),
    controlled: compareArms(groups, controlledRuns, 'higher', ['all']),
  };
}

/** Writes a table of runs for each budget, and finds its peak. Errors: WRITE_FAILED, DISK_FULL. */
async function writePeaks(
  set: PairSet,
  plan: PairTrialPlan,
  models: readonly ModelResult[],
  groups: readonly ArmGroup[],
  judged: MeasuredJudge,
): Promise<PairTrialReport['peaks']> {
  const peaks: PairTrialReport['peaks'] = [];
  for (const budget of plan.budgets) {
    const path = join(pairTrialFolder(set, plan.name), `runs-${budget}.csv`);
    const text = tableOfRuns(plan, budget, models, groups, judged);
    await commitBytes(path, text);
    peaks.push({ budget, runs: path, ...findCapacity(text) });
  }
  return peaks;
}

function findCapacity(text: string): Pick<PairTrialReport['peaks'][number], 'capacity' | 'reason'> {
  try {
    return { capacity: fitCapacity(parseRuns(text)), reason: null };
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    return { capacity: null, reason: error.message };
  }
}

/** One row for each model that was trained on the easiest pairs or on all: length-controlled win rates. */
function tableOfRuns(
  plan: PairTrialPlan,
  budget: Budget,
  models: readonly ModelResult[],
  groups: readonly ArmGroup[],
  { prompts, plainRuns, controlledRuns }: MeasuredJudge,
): string {
  const rows: (string | number)[][] = [
    ['run', 'keep', 'win_rate', 'n', 'params', 'low', 'high', 'plain_win_rate', 'seed'],
  ];
  for (const { kind, keep, budget: own, runs } of groups) {
    if (!(kind === 'easiest' || kind === allArm) || !budgetsOf(own, plan.budgets).includes(budget)) continue;
    for (const [seedOf, places] of runs)
      for (const at of places) {
        const value = controlledRuns.plain[at] ?? 0;
        const { low, high } = percentileBounds(
          controlledRuns.samples.map((sample) => sample[at] ?? 0),
          value,
        );
        rows.push([
          `${plan.name}-${budget}`,
          keep,
          value,
          prompts,
          models[at]?.card.parameters ?? '',
          low,
          high,
          plainRuns.plain[at] ?? 0,
          seedOf,
        ]);
      }
  }
  return rows.map((row) => `${row.join(',')}\n`).join('');
}

function meanCharacters(texts: ReadonlyMap<string, string> | undefined): number | null {
  return texts === undefined || texts.size === 0
    ? null
    : mean([...texts.values()].map((text) => text.length));
}

function meanOfKnown(values: readonly (number | null)[]): number | null {
  const known = values.flatMap((value) => value ?? []);
  return known.length === 0 ? null : mean(known);
}
