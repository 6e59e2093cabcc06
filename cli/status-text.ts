// The status of a run as text.

import { listAtWork } from '../scoring/survey.ts';
import { defaultScorer, learnsClassifier, needsSample } from '../scoring/scorers/list.ts';
import type { JudgeProgress } from '../scoring/judge-progress.ts';
import type { ShardChanges } from '../scoring/shard-changes.ts';
import type { IndexCard } from '../indexer/index-card.ts';
import type { Ranking } from '../ranking/generation.ts';
import type { Drift } from '../ranking/drift.ts';
import { describeUnknown } from '../ranking/unknown.ts';
import { type TrainingState } from '../models/trainer/state.ts';
import { formatCount, formatCountOf, formatNames } from '../run/amounts.ts';
import { describeDrift } from './rank-text.ts';
import { describeEvent } from './training-progress.ts';

export interface Status {
  folder: string;
  /** The scorer whose ranking this is about, and the folder of that ranking's files. */
  scorer: string;
  rankingFolder: string;
  /** Other scorers that have published rankings, and those whose ranking is not published yet. */
  rankings: string[];
  unfinished: string[];
  /** What is stored of the judge's work; null for other scorers. */
  judge: JudgeProgress | null;
  index: Pick<IndexCard, 'corpus' | 'sample' | 'warnings'> | null;
  classifier: { rocAuc: number; documents: number } | null;
  ranking: Pick<
    Ranking,
    'generation' | 'publishedAt' | 'documents' | 'tokens' | 'estimatedDocuments' | 'unknown' | 'quarantined'
  > | null;
  /** How the ranking differs from the previous one; null if there was none. */
  drift: Drift | null;
  /** Shards of the corpus that the classifier has not scored yet; null before there is a classifier. */
  shardsToScore: number | null;
  /** Progress of the scoring plan. */
  chunks: { scored: number; all: number } | null;
  atWork: Awaited<ReturnType<typeof listAtWork>>;
  /** Shards that are new, changed or gone since the ranking. */
  changes: ShardChanges;
  training: TrainingState[];
  /** Results that were made with other settings. */
  outdated: string[];
  /** Problems with existing files. */
  problems: string[];
}

function rankCommandFor(scorer: string): string {
  return scorer === defaultScorer ? 'betr rank' : `betr rank --scorer ${scorer}`;
}

/** What is still missing, or not needed, before a ranking. */
function describeIndex({ index, scorer }: Status): string {
  if (index !== null)
    return `${formatCount(index.sample.documents)} of ${formatCount(index.corpus.documents)} documents sampled`;
  return needsSample(scorer) ? 'none yet: betr index' : 'none yet; this ranking needs none';
}

function describeClassifier({ classifier, scorer, index }: Status): string[] {
  if (classifier !== null)
    return [
      `Classifier  cross-fitted ROC-AUC ${classifier.rocAuc.toFixed(3)}, ` +
        `from ${formatCount(classifier.documents)} documents`,
    ];
  if (scorer === defaultScorer) return ['Classifier  none yet: betr train'];
  if (!learnsClassifier(scorer)) return [];
  return [`Classifier  none yet: ${index === null ? 'betr index, then ' : ''}${rankCommandFor(scorer)}`];
}

/** The judge's stored answers, and what its budget leaves. */
function describeJudge({ judge, scorer, index }: Status): string[] {
  if (judge === null) return [];
  const { answers, documents, tokens, tokensLeft } = judge;
  const all = scorer.endsWith('#all') ? index?.corpus.documents : index?.sample.documents;
  const judged =
    answers === 0
      ? 'no document judged yet'
      : documents === null
        ? `${formatCountOf(answers, 'answer')} stored`
        : all === undefined
          ? `about ${formatCountOf(documents, 'document')} judged`
          : `about ${formatCount(Math.min(documents, all))} of ${formatCountOf(all, 'document')} judged`;
  return [
    `Judge       ${judge.judge}: ${judged}, ${formatCount(tokens)} tokens spent` +
      (tokensLeft === null ? '; no budget' : `, ${formatCount(tokensLeft)} left in the budget`),
  ];
}

function listOtherRankings({ rankings, unfinished, ranking, scorer }: Status): string[] {
  const isBetr = scorer === defaultScorer;
  const others = isBetr && ranking !== null ? [defaultScorer, ...rankings] : rankings;
  return [
    ...(rankings.length > 0 ? [`Rankings    ${others.join(', ')} (--scorer NAME)`] : []),
    ...(unfinished.length > 0 ? [`Unfinished  ${unfinished.join(', ')} (not published yet)`] : []),
  ];
}

function describeToScore(
  shards: number,
  { changes: { fresh, changed, gone }, chunks, atWork, scorer }: Status,
): string {
  // New shards are not in the plan yet.
  const isBegun = chunks !== null && chunks.scored > 0 && chunks.scored < chunks.all;
  const done =
    chunks !== null && (atWork.length > 0 || isBegun)
      ? `; ${formatCount(chunks.scored)} of ${formatCountOf(chunks.all, 'chunk')} done`
      : '';
  if (atWork.length > 0 || shards > 0)
    return `${formatCountOf(shards, 'shard')}${done}${atWork.length > 0 ? '' : `: ${rankCommandFor(scorer)}`}`;
  return fresh.length + changed.length + gone.length > 0
    ? `nothing; to publish: ${rankCommandFor(scorer)}`
    : 'nothing';
}

/** Training jobs by state, and what those that are not done are at. */
function describeTraining(jobs: readonly TrainingState[]): string[] {
  if (jobs.length === 0) return [];
  const states = [...new Set(jobs.map(({ state }) => state))].map(
    (state) => `${formatCount(jobs.filter((job) => job.state === state).length)} ${state}`,
  );
  const notable = jobs.filter(({ state }) => state !== 'done' && state !== 'waiting');
  const isAnyLeft = jobs.some(({ state }) => state !== 'done' && state !== 'running');
  return [
    `Training    ${states.join(', ')}${isAnyLeft ? ': betr trainer --all' : ''}`,
    ...notable.map(
      (job) => `            ${job.name} ${job.state}${describeAt(job) === '' ? '' : `: ${describeAt(job)}`}`,
    ),
  ];
}

function describeAt({
  state,
  problem,
  step,
  steps,
  loss,
  tokensPerSecond,
  secondsLeft,
}: TrainingState): string {
  if (problem !== null && state !== 'running') return problem;
  return describeEvent({
    step: step ?? undefined,
    steps: steps ?? undefined,
    loss: loss ?? undefined,
    ...(state === 'running'
      ? { tokensPerSecond: tokensPerSecond ?? undefined, secondsLeft: secondsLeft ?? undefined }
      : {}),
  });
}

export function describeStatus(status: Status): string {
  const {
    folder,
    scorer,
    rankingFolder,
    ranking,
    drift,
    shardsToScore,
    atWork,
    changes,
    outdated,
    problems,
  } = status;
  return [
    `Run folder  ${folder}`,
    ...(scorer === defaultScorer ? [] : [`Files       ${rankingFolder}`]),
    `Index       ${describeIndex(status)}`,
    ...describeClassifier(status),
    ...describeJudge(status),
    `Ranking     ${
      ranking === null
        ? `none yet: ${rankCommandFor(scorer)}`
        : `generation ${ranking.generation} ` +
          `published ${ranking.publishedAt}: ${formatCount(ranking.documents)} ` +
          `documents, ${formatCount(ranking.tokens)} ` +
          `tokens${ranking.estimatedDocuments > 0 ? ' (estimated)' : ''}, ` +
          `${formatCount(ranking.quarantined)} rows quarantined`
    }`,
    ...(ranking?.unknown === undefined ? [] : [`Unknown     ${describeUnknown(ranking.unknown)}`]),
    ...describeDrift(drift ?? undefined),
    ...(shardsToScore === null ? [] : [`To score    ${describeToScore(shardsToScore, status)}`]),
    ...(atWork.length > 0
      ? [
          `Working     ${formatNames(
            atWork.map(({ pid, host, since }) => `process ${pid} on ${host} since ${since}`),
          )}`,
        ]
      : []),
    ...(changes.changed.length > 0 ? [`Changed     since ranking: ${formatNames(changes.changed)}`] : []),
    ...(changes.gone.length > 0 ? [`Gone        since ranking: ${formatNames(changes.gone)}`] : []),
    ...listOtherRankings(status),
    ...describeTraining(status.training),
    ...outdated.map((sentence) => `Outdated    ${sentence}`),
    ...problems.map((problem) => `Problem     ${problem}`),
  ].join('\n');
}
