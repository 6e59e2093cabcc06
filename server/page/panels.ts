// The panels of the page, each with the route that it follows.

import type { Answer, Composition, Curve, Histogram, Margin, Why } from './answers.ts';
import { showAnswer } from './answer-view.ts';
import { askJson, type Problem } from './ask.ts';
import { showComposition } from './composition-view.ts';
import { openCurvePlot } from './curve-plot.ts';
import { find } from './dom.ts';
import { openHistogramPlot } from './histogram-plot.ts';
import { showMargin } from './margin-view.ts';
import { openPanel, type Panel } from './panel.ts';
import { choiceQuery, groundQuery, questionQuery, readable, type State } from './state.ts';
import { showWhy } from './why-view.ts';

export interface Follower {
  change: (part: Partial<State>) => void;
  answered: (answer: Answer) => void;
  /** True where the problem is shown in place of the answer. */
  refused: (problem: Problem) => boolean;
}

/** Opens all panels. Those of the budget alone wait longer than the answer, so that a moving slider asks for what is cheap first. */
export function openPanels({ change, answered, refused }: Follower): Panel[] {
  const section = (id: string): HTMLElement => find(`#${id}`, HTMLElement);
  const plotIn = (id: string): HTMLElement => find(`#${id} .plot`, HTMLElement);
  const curvePlot = openCurvePlot(plotIn('curve'), (flops) => change({ budget: Number(flops.toPrecision(3)) }));
  const histogramPlot = openHistogramPlot(plotIn('histogram'));

  return [
    openPanel<Answer>({
      section: section('answer'),
      path: (state) => `rank?${readable(questionQuery(state))}`,
      load: (path, signal) => askJson<Answer>(path, ['keep', 'cutoff', 'summary'], { signal }),
      show(answer) {
        showAnswer(answer);
        histogramPlot.choose(answer.cutoff.score);
        if (answer.model !== null) curvePlot.choose(answer.model.flops, answer.keep.rate);
        answered(answer);
      },
      waitMs: 0,
      refuse: refused,
    }),
    openPanel<Curve>({
      section: section('curve'),
      path: (state) => `curve?${readable(groundQuery(state))}`,
      load: (path, signal) => askJson<Curve>(path, ['points', 'crossovers'], { signal }),
      show: (curve) => curvePlot.show(curve),
      waitMs: 20,
    }),
    openPanel<Histogram>({
      section: section('histogram'),
      path: (state) => `histogram?${readable(choiceQuery(state))}`,
      load: (path, signal) => askJson<Histogram>(path, ['steps'], { signal }),
      show: (histogram) => histogramPlot.show(histogram),
      waitMs: 20,
    }),
    openPanel<Composition>({
      section: section('composition'),
      path: (state) => `composition?${readable(questionQuery(state))}`,
      load: (path, signal) => askJson<Composition>(path, ['sources', 'benchmarks'], { signal }),
      show: showComposition,
      waitMs: 50,
    }),
    openPanel<Margin>({
      section: section('documents'),
      path: (state) => `documents?near=cutoff&limit=6&characters=240&${readable(questionQuery(state))}`,
      load: (path, signal) => askJson<Margin>(path, ['kept', 'dropped'], { signal }),
      show: (margin, state) => showMargin(find('#marginList', HTMLElement), margin, state.document, ({ shardId, row }) => change({ document: { shard: shardId, row } })),
      waitMs: 50,
    }),
    openPanel<Why>({
      section: section('why'),
      path: ({ document, ...state }) => document && `documents/${document.shard}/${document.row}/why?ngrams=12&examples=3&${readable(questionQuery({ ...state, document }))}`,
      load: (path, signal) => askJson<Why>(path, ['document', 'place', 'explanation'], { signal }),
      show: (why) => showWhy(find('#whyBody', HTMLElement), why, () => change({ document: undefined })),
      waitMs: 50,
    }),
  ];
}
