// The panels of the page and their routes.

import type {
  Answer,
  Comparison,
  Composition,
  Curve,
  Domains,
  Evaluation,
  Examples,
  Histogram,
  Margin,
  Training,
  Why,
} from './answers.ts';
import { showAnswer } from './answer-view.ts';
import { askJson, type Problem } from './ask.ts';
import { showComparison } from './compare-view.ts';
import { showComposition } from './composition-view.ts';
import { openCurvePlot } from './curve-plot.ts';
import { find } from './dom.ts';
import { openDomainsView } from './domains-view.ts';
import { showEvaluation } from './evaluation-view.ts';
import { showExamples } from './examples-view.ts';
import { openHistogramPlot } from './histogram-plot.ts';
import { openMarginView } from './margin-view.ts';
import { openPanel, type Panel } from './panel.ts';
import { compareQuery, curveQuery, histogramQuery, questionQuery, readable, type State } from './state.ts';
import { openTrainingView } from './training-view.ts';
import type { Trials } from './trial-answers.ts';
import { openPairsView } from './pairs-view.ts';
import type { PairSets } from './pairs-answers.ts';
import { openTrialsView } from './trials-view.ts';
import { showWhy } from './why-view.ts';

export interface Follower {
  change: (part: Partial<State>) => void;
  answered: (answer: Answer) => void;
  /** True if the problem is shown instead of the answer. */
  refused: (problem: Problem) => boolean;
}

const answerPath = (state: State): string => `rank?${readable(questionQuery(state))}`;
const compositionPath = (state: State): string => `composition?${readable(questionQuery(state))}`;
const comparePath = (state: State): string => `compare?${readable(compareQuery(state))}`;
/** Worth prefetching: the server caches the answers, or the browser does and only revalidates them. */
export const pathsAhead = [answerPath, comparePath, compositionPath];

const marginPath = (state: State, characters: number): string =>
  `documents?near=cutoff&limit=6&characters=${characters}&${readable(questionQuery(state))}`;

/** The answer reports what is wrong with the question, once, for all panels that ask the same. */
const toldByAnswer = ({ status }: Problem): boolean => status >= 400 && status < 500;

/**
 * Opens all panels. Those that depend on the budget alone wait longer than the answer, so that a moving
 * slider requests the cheap parts first.
 */
export function openPanels({ change, answered, refused }: Follower): Panel[] {
  const section = (id: string): HTMLElement => find(`#${id}`, HTMLElement);
  const plotIn = (id: string): HTMLElement => find(`#${id} .plot`, HTMLElement);
  const curvePlot = openCurvePlot(plotIn('curve'), (flops) =>
    change({ budget: Number(flops.toPrecision(3)) }),
  );
  const histogramPlot = openHistogramPlot(plotIn('histogram'));
  const domainsView = openDomainsView(plotIn('domains'));
  const trainingView = openTrainingView(section('training'));
  const pairsView = openPairsView(section('pairs'));
  const trialsView = openTrialsView(section('trials'));
  /** The problem of the answer. Panels that ask for more report their own. */
  let told: string | undefined;
  const alreadyTold = ({ message }: Problem): boolean => message === told;
  /** Whether a document was just clicked: its explanation then gets the keyboard focus. */
  let opened = false;
  const marginView = openMarginView(({ shardId, row }) => {
    opened = true;
    change({ document: { shard: shardId, row } });
  });

  return [
    openPanel<Answer>({
      section: section('answer'),
      path: answerPath,
      load: (path, signal) => askJson<Answer>(path, ['keep', 'cutoff', 'summary'], { signal }),
      show(answer) {
        told = undefined;
        showAnswer(answer);
        histogramPlot.choose(answer.cutoff.score);
        if (answer.model !== null) curvePlot.choose(answer.model.flops, answer.keep.rate);
        answered(answer);
      },
      waitMs: 0,
      refuse(problem) {
        told = problem.message;
        return refused(problem);
      },
    }),
    openPanel<Curve>({
      section: section('curve'),
      path: (state) => `curve?${readable(curveQuery(state))}`,
      load: (path, signal) => askJson<Curve>(path, ['law', 'points', 'paper'], { signal }),
      show: (curve) => curvePlot.show(curve),
      refuse: toldByAnswer,
      waitMs: 20,
    }),
    openPanel<Histogram>({
      section: section('histogram'),
      path: (state) => `histogram?${readable(histogramQuery(state))}`,
      load: (path, signal) => askJson<Histogram>(path, ['steps'], { signal }),
      show: (histogram) => histogramPlot.show(histogram),
      refuse: toldByAnswer,
      waitMs: 20,
    }),
    openPanel<Composition>({
      section: section('composition'),
      path: compositionPath,
      load: (path, signal) => askJson<Composition>(path, ['sources', 'benchmarks'], { signal }),
      show: showComposition,
      refuse: toldByAnswer,
      waitMs: 30,
    }),
    openPanel<Comparison>({
      section: section('compare'),
      path: comparePath,
      load: (path, signal) => askJson<Comparison>(path, ['lines', 'steps'], { signal }),
      show: (comparison, { budget }) => showComparison(comparison, budget),
      refuse: alreadyTold,
      waitMs: 30,
    }),
    openPanel<Margin>({
      section: section('documents'),
      path: (state) => marginPath(state, 0),
      load: (path, signal) => askJson<Margin>(path, ['kept', 'dropped'], { signal }),
      show: (margin, state) => marginView.show(margin, state.document),
      refuse: toldByAnswer,
      waitMs: 30,
    }),
    openPanel<Margin>({
      section: section('marginTexts'),
      path: (state) => marginPath(state, 240),
      load: (path, signal) => askJson<Margin>(path, ['kept', 'dropped'], { signal }),
      show: (margin) => marginView.fill(margin),
      refuse: toldByAnswer,
      waitMs: 300,
      slow: true,
    }),
    openPanel<Examples>({
      section: section('examples'),
      path: () => 'examples',
      load: (path, signal) => askJson<Examples>(path, ['benchmarks'], { signal }),
      show: showExamples,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<Evaluation>({
      section: section('evaluation'),
      path: () => 'evaluation?format=json',
      load: (path, signal) => askJson<Evaluation>(path, ['rankings', 'selections'], { signal }),
      show: showEvaluation,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<Domains>({
      section: section('domains'),
      path: () => 'domains',
      load: (path, signal) => askJson<Domains>(path, ['domains', 'ofDomains'], { signal }),
      show: domainsView,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<Training>({
      section: section('training'),
      path: () => 'training',
      load: (path, signal) => askJson<Training>(path, ['jobs'], { signal }),
      show: trainingView,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<Trials>({
      section: section('trials'),
      path: () => 'trials',
      load: (path, signal) => askJson<Trials>(path, ['trials'], { signal }),
      show: trialsView,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<PairSets>({
      section: section('pairs'),
      path: () => 'pairs',
      load: (path, signal) => askJson<PairSets>(path, ['sets'], { signal }),
      show: pairsView,
      refuse: toldByAnswer,
      waitMs: 0,
      slow: true,
      optional: true,
    }),
    openPanel<Why>({
      section: section('why'),
      path: ({ document, ...state }) =>
        document &&
        `documents/${encodeURIComponent(document.shard)}/${document.row}/why?ngrams=12&examples=3&` +
          readable(questionQuery({ ...state, document })),
      load: (path, signal) => askJson<Why>(path, ['document', 'place', 'explanation'], { signal }),
      show(why, state) {
        showWhy(find('#whyBody', HTMLElement), why, () => {
          change({ document: undefined });
          marginView.focus(state.document);
        });
        if (!opened) return;
        opened = false;
        find('#whyTitle', HTMLElement).focus();
      },
      refuse: alreadyTold,
      waitMs: 30,
      slow: true,
    }),
  ];
}
