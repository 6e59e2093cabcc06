// All scorers, and where their rankings are: BETR's in the run folder itself, the others in its
// rankings/NAME/.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { fail } from '../../run/errors/errors.ts';
import { type Report, silent } from '../../run/progress.ts';
import { type Run, rankCommandOf, rankingOf } from '../../run/run.ts';
import { testTargetsSchema } from '../../indexer/index-card.ts';
import type { Cost } from '../cost.ts';
import { betr } from './betr.ts';
import { crossFitKind, crossFitOf } from './cross-fit.ts';
import { dsir } from './dsir/dsir.ts';
import { fasttext } from './fasttext.ts';
import { edu, head } from './head.ts';
import type { CorpusScorer, PreparedScorer, ScorerKind } from './kind.ts';
import { splitLabel } from './labels.ts';
import { length } from './length.ts';
import { lmAll } from './lm-all.ts';
import { lmScore } from './lm-score.ts';
import { random } from './random.ts';

const crossFit = crossFitKind({ parse: parseScorer, rankingRun });
/** Tests add their own. */
export const scorerKinds: ScorerKind[] = [
  betr,
  random,
  length,
  dsir,
  fasttext,
  head,
  edu,
  lmScore,
  lmAll,
  crossFit,
];

export const defaultScorer = 'betr';

/** scorer.json: what workers need to open a scorer. */
export const preparedSchema = z.strictObject({
  kind: z.string(),
  file: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
  outputs: z.array(z.string()).min(1),
  details: z.array(z.string()).optional(),
  slow: z.boolean().optional(),
  fingerprint: z.string(),
  notes: z.array(z.string()),
  answerNotes: z.array(z.string()).optional(),
  warnings: z.array(z.string()).optional(),
  crossFits: z.string().optional(),
  testTargets: testTargetsSchema.optional(),
}) satisfies z.ZodType<PreparedScorer>;
const savedSchema = preparedSchema.extend({ scorer: z.string() });

/** The run with the ranking of a scorer. Errors: SCORER_UNKNOWN. */
export function rankingRun(run: Run, scorer: string): Run {
  return parseScorer(scorer).kind === betr ? run : rankingOf(run, rankingName(run, scorer), scorer);
}

/**
 * Prepares a scorer, if necessary, and returns the run with its ranking. Writes scorer.json for the workers,
 * except for BETR's ranking, whose card has everything. `forceJudge` uses a judge that fails its exam. Errors:
 * SCORER_UNKNOWN, those of the scorer, DISK_FULL, WRITE_FAILED.
 */
export async function prepareScorer(
  main: Run,
  scorer: string,
  report: Report,
  forceJudge = false,
): Promise<{ run: Run; prepared: PreparedScorer }> {
  const { kind, argument } = parseScorer(scorer);
  const run = rankingRun(main, scorer);
  const prepared = await kind.prepare({ main, run, argument, report, forceJudge });
  if (kind !== betr) await commitSealedJson(run.files.scorer, { scorer, ...prepared });
  return { run, prepared };
}

/**
 * What a model would take to read the sample, if preparing the scorer asks it; undefined otherwise. Errors:
 * SCORER_UNKNOWN, those of the model.
 */
export async function predictPreparing(main: Run, scorer: string, report: Report): Promise<Cost | undefined> {
  const { kind, argument } = parseScorer(scorer);
  return kind.predict?.({ main, run: rankingRun(main, scorer), argument, report });
}

/** The scorer of this ranking. Errors: STEP_MISSING, FILE_DAMAGED. */
export async function readScorer(run: Run): Promise<PreparedScorer> {
  if (run.ranking === '') return betr.prepare({ main: run, run, argument: '', report: silent });
  const command = rankCommandOf(run);
  const known = await readSealedJson(run.files.scorer, savedSchema, command);
  if (known === undefined) throw fail('STEP_MISSING', { need: nameRanking(run), command });
  return preparedSchema.strip().parse(known);
}

/** The ranking of a run, as errors name it. */
export function nameRanking({ ranking, scorer }: Run): string {
  return ranking === '' ? 'ranking' : scorer === undefined ? `ranking "${ranking}"` : `ranking by ${scorer}`;
}

/**
 * The names of the scorers with additional rankings in the run, sorted: those with a published generation, and
 * those that were prepared and not published yet. Skips damaged ones.
 */
export async function listRankings(run: Run): Promise<{ published: string[]; unfinished: string[] }> {
  const names = await readdir(run.files.rankings).catch(() => []);
  const saved = await Promise.all(
    names.map(async (name) => {
      const { files } = rankingOf(run, name);
      const known = await readSealedJson(files.scorer, savedSchema, '').catch(() => undefined);
      return known === undefined ? [] : [{ scorer: known.scorer, isPublished: existsSync(files.ranking) }];
    }),
  );
  const list = (isWanted: boolean): string[] =>
    saved
      .flat()
      .filter(({ isPublished }) => isPublished === isWanted)
      .map(({ scorer }) => scorer)
      .sort();
  return { published: list(true), unfinished: list(false) };
}

/**
 * Opens a prepared scorer, in any process. Errors: PLAN_STALE if its file has changed; those of reading it.
 */
export async function openScorer(run: Run, prepared: PreparedScorer): Promise<CorpusScorer> {
  const scorer = await findKind(prepared.kind, prepared.kind).open(run, prepared);
  if (scorer.fingerprint !== undefined && scorer.fingerprint !== prepared.fingerprint)
    throw fail('PLAN_STALE', { path: run.files.plan, command: rankCommandOf(run) });
  return scorer;
}

/**
 * The folder name of a scorer's ranking: its kind; with options, a file or a label, also a hash of them.
 */
export function rankingName(run: Run, scorer: string): string {
  const { kind, argument } = parseScorer(scorer);
  if (kind === crossFit) return `${kind.name}-${rankingName(run, learnedScorer(argument))}`;
  if (argument === '') return kind.name;
  const { file, label } = splitLabel(argument);
  const plain = [kind.name, kind.takesFile ? basename(file) : file, label]
    .join('-')
    .replaceAll(/[^A-Za-z0-9.]+/g, '-')
    .replace(/-$/, '')
    .slice(0, 80);
  const hash = createHash('sha256')
    .update(JSON.stringify([kind.name, kind.takesFile ? resolve(run.settingsFolder, file) : file, label]))
    .digest('hex')
    .slice(0, 8);
  return `${plain}-${hash}`;
}

/**
 * How a scorer relates to the documents that it scores: it learned from none; a model of other folds scores each;
 * it may score documents that it learned from; or betr cannot tell.
 */
export type Fitting = 'learns nothing' | 'cross-fitted' | 'in sample' | 'unknown';

/** Errors: SCORER_UNKNOWN. */
export function fittingOf(scorer: string): Fitting {
  const { kind } = parseScorer(scorer);
  if (kind === crossFit) return 'cross-fitted';
  if (kind.crossFit !== undefined) return 'in sample';
  return kind.isForeign === true ? 'unknown' : 'learns nothing';
}

/** Whether a classifier learns what the scorer gives the sample. Errors: SCORER_UNKNOWN. */
export function learnsClassifier(scorer: string): boolean {
  const { kind, argument } = parseScorer(scorer);
  return kind === crossFit
    ? learnsClassifier(learnedScorer(argument))
    : [betr, head, edu, lmScore].includes(kind);
}

/** Whether a model other than the classifier reads documents, which takes long. Errors: SCORER_UNKNOWN. */
export function asksModel(scorer: string): boolean {
  const { kind, argument } = parseScorer(scorer);
  return kind === crossFit ? asksModel(learnedScorer(argument)) : [head, edu, lmScore, lmAll].includes(kind);
}

/** Whether the scorer needs the sample of an index. Errors: SCORER_UNKNOWN. */
export function needsSample(scorer: string): boolean {
  return fittingOf(scorer) === 'in sample' || fittingOf(scorer) === 'cross-fitted';
}

/** The cross-fitted scorer to measure this one by; itself if it learns nothing. Errors: SCORER_UNKNOWN. */
export function crossFitted(scorer: string): string {
  return fittingOf(scorer) === 'in sample' ? `${crossFit.name}:${scorer}` : scorer;
}

/** The argument of `cross-fit:`. Errors: SCORER_UNKNOWN; OPTION_INVALID if it learns nothing. */
function learnedScorer(scorer: string): string {
  crossFitOf(scorer === '' ? crossFit : parseScorer(scorer).kind, scorer);
  return scorer;
}

function parseScorer(scorer: string): { kind: ScorerKind; argument: string } {
  const [, judge] = /^lm:(.*)#all$/s.exec(scorer) ?? [];
  if (judge !== undefined) return { kind: lmAll, argument: judge };
  const colon = scorer.indexOf(':');
  return {
    kind: findKind(colon < 0 ? scorer : scorer.slice(0, colon), scorer),
    argument: colon < 0 ? '' : scorer.slice(colon + 1),
  };
}

function findKind(name: string, scorer: string): ScorerKind {
  const found = scorerKinds.find((kind) => kind.name === name);
  if (found === undefined)
    throw fail('SCORER_UNKNOWN', { scorer, known: scorerKinds.map(({ usage }) => usage).join(', ') });
  return found;
}
