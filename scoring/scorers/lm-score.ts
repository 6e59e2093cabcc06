// A language model judges the sample; a classifier learns its scores and scores the corpus, as in BETR.
// AutoDS (arXiv 2402.07625) asks its model about every document (lm-all.ts).

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';
import { readNote } from '../../data/duckdb/run-files.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { Judge } from '../../indexer/judges/judge.ts';
import { sumUnknown } from '../../indexer/targets/unknown.ts';
import { type JudgedNote, judgedNoteSchema } from '../../indexer/targets/write-judge-targets.ts';
import { checkTrainable, trainClassifier } from '../../classifier/train.ts';
import { describeChange, readTargetScores } from '../exam/judge-change.ts';
import { betr } from './betr.ts';
import { crossFitClassifier } from './cross-fit.ts';
import type { PrepareContext, ScorerKind } from './kind.ts';
import { describeLearned } from './learned.ts';

/** arXiv 2406.11794, section 4. */
export const publishedTest =
  'In one published test (DCLM), asking a model agreed best with people but chose worse training data ' +
  'than a classifier did.';

const prepare: ScorerKind['prepare'] = async (context) => {
  const { main, run, report, forceJudge = false } = context;
  const { writeJudgeTargets } = await import('../../indexer/targets/write-judge-targets.ts');
  const judge = await openJudgeOf(context);
  try {
    const { examineForRanking } = await import('../exam/rank-exam.ts');
    const examined = await examineForRanking(main, judge, forceJudge, report);
    const { from, before } = await readJudged(context, judge);
    const isSame = isCurrent(before, from);
    const earlier = isSame ? undefined : await readTargetScores(run.files.targets);
    const judged =
      isSame && before !== undefined
        ? before
        : await writeJudgeTargets(main, judge, run.files.targets, from, report);
    refuseUnknown(judge, judged);
    const card = await trainClassifier(run, report);
    return {
      kind: betr.name,
      file: '',
      settings: {},
      outputs: card.outputs.map(({ name }) => name),
      fingerprint: card.weightsSha256,
      notes: [
        describeJudged(judge, judged),
        ...warnOfDummy(judge),
        ...examined.notes,
        ...(earlier === undefined
          ? []
          : describeChange(earlier, (await readTargetScores(run.files.targets)) ?? new Map())),
        ...describeLearned(card, 'these scores'),
        ...judge.notes,
        publishedTest,
        ...card.notes,
      ],
      warnings: examined.warnings,
    };
  } finally {
    await judge.close();
  }
};

/**
 * The judge of a scorer, if there is a sample that a classifier can learn from. Errors: JUDGE_UNKNOWN,
 * STEP_MISSING, TRAINING_TOO_SMALL, those of `openJudge`.
 */
async function openJudgeOf({ main, argument, report }: PrepareContext): Promise<Judge> {
  const known = main.settings.judges.map(({ name }) => name);
  if (!known.includes(argument)) throw fail('JUDGE_UNKNOWN', { name: argument, known });
  if (!existsSync(main.files.sample))
    throw fail('STEP_MISSING', {
      need: basename(main.files.sample),
      command: 'betr index',
      hint:
        (main.settings.benchmarks.length === 0 ? 'It needs benchmarks, and the settings have none. ' : '') +
        `To judge every document without an index: --scorer ${allScorer(argument)}`,
    });
  // Before anything is paid for.
  await checkTrainable(main, `or let the judge read every document (--scorer ${allScorer(argument)})`);
  // Imported here because commands that only read a ranking should not load the libraries of models.
  const { openJudge } = await import('../../indexer/judges/judge.ts');
  return openJudge(main, argument, report);
}

function allScorer(judge: string): string {
  return `lm:${judge}#all`;
}

/** What the targets have to be made from, and what they were made from. */
async function readJudged(
  { main, run }: PrepareContext,
  judge: Judge,
): Promise<{ from: string; before: JudgedNote | undefined }> {
  return {
    from: fingerprint({ judge: judge.fingerprint, sample: await sha256File(main.files.sample) }),
    before: await readNote(run.files.targets, judgedNoteSchema),
  };
}

/** Whether targets need no judging: a server that refused texts may answer now. */
function isCurrent(before: JudgedNote | undefined, from: string): boolean {
  return before?.from === from && (before.unknown['refused'] ?? 0) === 0;
}

const predict: ScorerKind['predict'] = async (context) => {
  const judge = await openJudgeOf(context);
  try {
    const { from, before } = await readJudged(context, judge);
    if (isCurrent(before, from)) return undefined;
    const { costOfSample } = await import('./lm-measure.ts');
    return await costOfSample(context.main, judge);
  } finally {
    await judge.close();
  }
};

export const lmScore: ScorerKind = {
  name: 'lm',
  usage: 'lm:JUDGE',
  takesFile: false,
  prepare,
  predict,
  crossFit: crossFitClassifier(prepare),
  // The prepared scorer is a classifier, which the kind `betr` opens.
  open: (run, prepared) => betr.open(run, prepared),
};

/** The model of a judge, and the numbers that its scores are made of. */
export function describeModel({ model, kind }: Judge): string {
  const { source } = model;
  const from = [
    source.place,
    source.quantization,
    kind === 'rating' && model.lacks.logProbabilities !== undefined
      ? null
      : source.precision === 'exact'
        ? 'exact log probabilities'
        : `the ${source.topK ?? 0} most likely tokens`,
  ].filter((part) => part !== null);
  return `model ${model.name}: ${from.join(', ')}`;
}

export function withArticle(kind: Judge['kind']): string {
  return `${kind === 'LM-Score' ? 'an' : 'a'} ${kind}`;
}

/** A dummy model is for trying out settings. */
export function warnOfDummy({ model }: Judge): string[] {
  return model.source.backEnd === 'dummy'
    ? [
        `The model "${model.name}" is a dummy: its answers are pseudo-random, and so is this ranking. Use it only to ` +
          'try out settings.',
      ]
    : [];
}

/** Who judged, by which numbers, and how many documents have no score. */
function describeJudged(judge: Judge, { documents, unknown }: JudgedNote): string {
  const missing = sumUnknown(unknown);
  const reasons = describeReasons(unknown);
  return (
    `The judge "${judge.name}" gave ${formatCountOf(documents, 'sampled document')} ` +
    `${withArticle(judge.kind)} (${describeModel(judge)}). ` +
    (missing === 0
      ? 'All were scored.'
      : `Of these, ${formatCount(missing)} ${missing === 1 ? 'is' : 'are'} unknown (${reasons}) and ` +
        'excluded from training.')
  );
}

function describeReasons(unknown: JudgedNote['unknown']): string {
  return Object.entries(unknown)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, count]) => `${reason}: ${formatCount(count)}`)
    .join(', ');
}

function refuseUnknown(judge: Judge, { documents, unknown }: JudgedNote): void {
  const missing = sumUnknown(unknown);
  if (missing < documents) return;
  throw fail('JUDGE_WITHOUT_SCORES', {
    judge: judge.name,
    documents,
    reasons: describeReasons(unknown),
    notes: judge.notes,
    hint:
      'With little answer mass, the model would answer something else: ask another question, list other ' +
      'answers, or lower leastMass. If texts are too long, lower "characters"',
  });
}
