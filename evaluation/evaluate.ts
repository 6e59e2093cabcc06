// Estimates whether a selection is any good before anyone spends a GPU hour on it. The same language model is
// trained on the same number of words from every selection and measured on the benchmarks' held-out test
// examples (target match) and on held-out text of every source (what the cut costs elsewhere). See
// docs/method.md, "Evaluation".

import { readCard } from '../classifier/classifier-card.ts';
import { shardsOf } from '../scoring/shard-changes.ts';
import { BetrError } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { rankingOf, type Run } from '../run/run.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import { compareScorers } from './agreement.ts';
import { describeSelection, type MakeUp } from './make-up.ts';
import { type Contestant, noFilter, openContest, type SelectionKey } from './contest.ts';
import { listMargin, type Margin, type MarginRow } from './margin.ts';
import { matchGroups, measureModels, type ModelBits } from './match.ts';
import { readTests } from './tests.ts';
import { drawTexts } from './draw-texts.ts';
import { openVocabulary } from './word-model.ts';
import type { EvaluatedSelection, Evaluation } from './evaluation.ts';

/** The baseline of all comparisons. */
export const randomScorer = 'random';

export interface EvaluationOptions {
  /** Shares of the tokens to compare at. */
  keeps: readonly number[];
  trainWords: number;
  seed: number;
}

/**
 * Compares the selections of all contestants. The first is BETR, and one is `random`. Errors: NO_TESTS,
 * NO_EXAMPLES, SHARD_CHANGED, those of `findCutoff` and of reading the corpus.
 */
export async function evaluateSelections(
  contestants: readonly [Contestant, ...Contestant[]],
  { keeps, trainWords, seed }: EvaluationOptions,
  report: Report,
): Promise<Evaluation> {
  const { run, ranking } = contestants[0];
  const scorers = contestants.map(({ scorer }) => scorer);
  const tests = await readTests(run);
  const fidelity = await readFidelity(rankingOf(run, ''));
  const vocabulary = openVocabulary();
  return withRunDatabase(run, async (connection) => {
    const contest = await openContest(connection, contestants, keeps, { seed, trainWords });
    const margins: MarginRow[][] = [];
    for (const [index, { scorer }] of contest.selections.entries())
      margins.push(scorer === noFilter ? [] : await listMargin(connection, index, scorers.indexOf(scorer)));
    const texts = await drawTexts(
      run,
      connection,
      contest,
      vocabulary,
      { trainWords, shown: margins.flat() },
      report,
    );
    const makeUps: MakeUp[] = [];
    for (const index of contest.selections.keys()) makeUps.push(await describeSelection(connection, index));
    const findings: Findings = {
      selections: contest.selections,
      models: await measureModels(texts, tests, vocabulary, report),
      makeUps,
      margins: margins.map((margin) => margin.map((row) => ({ ...row, excerpt: texts.excerpt(row) }))),
      benchmarks: tests.map(({ benchmark }) => benchmark),
      sources: [...texts.heldOut.keys()],
      first: scorers[0] ?? '',
      seed,
    };
    return {
      kind: 'betr evaluation',
      seed,
      trainWords: texts.trainWords,
      shards: { used: contest.shards.length, of: shardsOf(ranking.parts).length },
      rankings: contestants.map(
        ({
          scorer,
          by,
          fitting,
          ranking: {
            generation,
            scorer: { sha256 },
            testTargets,
          },
        }) => ({
          scorer,
          by,
          fitting,
          generation,
          scorerSha256: sha256,
          ...(testTargets === undefined ? {} : { testTargets }),
        }),
      ),
      selections: contest.selections.map((_, index) => judge(findings, index)),
      agreement: await compareScorers(connection, scorers, contest),
      fidelity,
    };
  });
}

async function readFidelity(run: Run): Promise<Evaluation['fidelity']> {
  try {
    const { crossFit, outputs } = await readCard(run);
    return { documents: crossFit.measured, kept: outputs[0]?.heldOut.kept ?? [] };
  } catch (error) {
    if (error instanceof BetrError && error.code === 'STEP_MISSING') return null;
    throw error;
  }
}

interface Findings {
  selections: readonly SelectionKey[];
  models: readonly ModelBits[];
  makeUps: readonly MakeUp[];
  margins: readonly Margin[];
  benchmarks: readonly string[];
  sources: readonly string[];
  /** The scorer whose selections define which sources are targets. */
  first: string;
  seed: number;
}

const nothing: ModelBits = { tests: new Map(), heldOut: new Map() };
const noMakeUp: MakeUp = {
  documents: 0,
  tokens: 0,
  meanTokens: 0,
  duplicatesShare: 0,
  sources: [],
  winners: [],
};

function judge(findings: Findings, index: number): EvaluatedSelection {
  const { selections, models, makeUps, margins, benchmarks, sources, seed } = findings;
  const { scorer, keep } = selections[index] ?? { scorer: '', keep: 1 };
  const model = models[index] ?? nothing;
  const random = models[selectionOf(selections, randomScorer, keep)] ?? nothing;
  const favored =
    makeUps[selectionOf(selections, findings.first, keep)]?.sources
      .filter(({ lift }) => lift > 1)
      .map(({ source }) => source) ?? [];
  const off = matchGroups(
    model.heldOut,
    random.heldOut,
    sources.filter((source) => !favored.includes(source)),
    seed,
  );
  const on = matchGroups(
    model.heldOut,
    random.heldOut,
    sources.filter((source) => favored.includes(source)),
    seed,
  );
  const target = matchGroups(model.tests, random.tests, benchmarks, seed);
  const isBaseline = scorer === randomScorer || scorer === noFilter;
  return {
    scorer,
    keep,
    verdict: isBaseline
      ? 'baseline'
      : target.mean.gain.low > 0
        ? 'better than random'
        : 'no better than random',
    targetMatch: {
      mean: target.mean,
      benchmarks: target.groups.map(({ name, ...match }) => ({ benchmark: name, ...match })),
    },
    offTarget: {
      mean: off.mean,
      sources: [
        ...on.groups.map((group) => ({ ...group, isTarget: true })),
        ...off.groups.map((group) => ({ ...group, isTarget: false })),
      ].map(({ name, ...match }) => ({ source: name, ...match })),
    },
    makeUp: makeUps[index] ?? noMakeUp,
    margin: margins[index] ?? [],
  };
}

/**
 * The number of a scorer's selection at a keep rate, or of its first selection if it has none at that rate
 * (no filter has its own).
 */
function selectionOf(selections: readonly SelectionKey[], scorer: string, keep: number): number {
  const exact = selections.findIndex((selection) => selection.scorer === scorer && selection.keep === keep);
  return exact >= 0 ? exact : selections.findIndex((selection) => selection.scorer === scorer);
}
