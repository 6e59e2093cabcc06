// The page: one state, kept in the address; the controls change it, the panels follow it.

import type { Answer, Composition, Histogram, Margin, Why } from './answers.ts';
import { openCopyButton, showAnswer } from './answer-view.ts';
import { askJson } from './ask.ts';
import { showChanges } from './composition-view.ts';
import { openControls } from './controls.ts';
import { openCurvePlot, type Curve } from './curve-plot.ts';
import { find } from './dom.ts';
import { openHistogramPlot } from './histogram-plot.ts';
import { showMargin } from './margin-view.ts';
import { openPanel, type Panel } from './panel.ts';
import { groundQuery, questionQuery, readable, readState, type State, writeState } from './state.ts';
import { showWhy } from './why-view.ts';

let state = readState(location.search);

const section = (id: string): HTMLElement => find(`#${id}`, HTMLElement);
const plotIn = (id: string): HTMLElement => find(`#${id} .plot`, HTMLElement);
const controls = openControls(change);
const curvePlot = openCurvePlot(plotIn('curve'), (flops) => change({ budget: Number(flops.toPrecision(3)) }));
const histogramPlot = openHistogramPlot(plotIn('histogram'));
openCopyButton();

const panels: Panel[] = [
  openPanel<Answer>({
    section: section('answer'),
    path: (asked) => `rank?${readable(questionQuery(asked))}`,
    load: (path, signal) => askJson<Answer>(path, ['keep', 'cutoff', 'summary'], { signal }),
    show(answer) {
      showAnswer(answer);
      histogramPlot.choose(answer.cutoff.score);
      if (answer.model === null) return;
      curvePlot.choose(answer.model.flops, answer.keep.rate);
      controls.showModel({ ...answer.model, maxEpochs: state.maxEpochs });
    },
    waitMs: 0,
  }),
  openPanel<Curve>({
    section: section('curve'),
    path: (asked) => `curve?${readable(groundQuery(asked))}`,
    load: (path, signal) => askJson<Curve>(path, ['points', 'crossovers'], { signal }),
    show: (curve) => curvePlot.show(curve),
    waitMs: 40,
  }),
  openPanel<Histogram>({
    section: section('histogram'),
    path: () => 'histogram?steps=80',
    load: (path, signal) => askJson<Histogram>(path, ['steps'], { signal }),
    show: (histogram) => histogramPlot.show(histogram),
    waitMs: 40,
  }),
  openPanel<Composition>({
    section: section('composition'),
    path: (asked) => `composition?${readable(questionQuery(asked))}`,
    load: (path, signal) => askJson<Composition>(path, ['sources'], { signal }),
    show: ({ sources }) => showChanges(find('#bySource', HTMLElement), 'Source', sources.map(({ source, before, after, lift }) => ({ name: source === '' ? 'no source' : source, before: before.share, after: after.share, lift }))),
    waitMs: 60,
  }),
  openPanel<Margin>({
    section: section('documents'),
    path: (asked) => `documents?near=cutoff&limit=6&characters=240&${readable(questionQuery(asked))}`,
    load: (path, signal) => askJson<Margin>(path, ['kept', 'dropped'], { signal }),
    show: (margin, asked) => showMargin(find('#marginList', HTMLElement), margin, asked.document, ({ shardId, row }) => change({ document: { shard: shardId, row } })),
    waitMs: 80,
  }),
  openPanel<Why>({
    section: section('why'),
    path: (asked) => asked.document && `documents/${asked.document.shard}/${asked.document.row}/why?${readable(questionQuery(asked))}`,
    load: (path, signal) => askJson<Why>(path, ['document', 'place', 'explanation'], { signal }),
    show: (why) => showWhy(find('#whyBody', HTMLElement), why, () => change({ document: undefined })),
    waitMs: 80,
  }),
];

function change(part: Partial<State>): void {
  state = { ...state, ...part };
  history.replaceState(null, '', writeState(state));
  follow();
}

function follow(): void {
  controls.showState(state);
  void Promise.all(panels.map((panel) => panel.follow(state)));
}

follow();
