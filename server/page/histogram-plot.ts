// The histogram of scores: how many of the corpus's tokens have which score, what of it is kept, and the cutoff between.

import { formatScore } from './amounts.ts';
import type { Histogram } from './answers.ts';
import { axis, colour, drawLine, openPlot } from './plot.ts';
import uPlot from './uplot.js';

export interface HistogramPlot {
  show(histogram: Histogram): void;
  /** The lowest score kept; null where nothing is. */
  choose(score: number | null): void;
}

export function openHistogramPlot(holder: HTMLElement): HistogramPlot {
  let histogram: Histogram = { steps: [] };
  let cutoff: number | null = null;
  const bars = uPlot.paths.bars?.({ size: [1, 64], gap: 1 });
  const plot = openPlot(holder, () => ({
    padding: [20, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [histogram.steps.at(0)?.from ?? 0, histogram.steps.at(-1)?.to ?? 1] }, y: { range: (_plot, _low, high) => [0, high * 1.05] } },
    axes: [
      axis({ grid: { show: false }, values: (_plot, ticks) => ticks.map((tick) => String(tick).replace('-', '−')) }),
      axis({ size: 44, values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : `${Number((100 * tick).toPrecision(3))} %`)) }),
    ],
    series: [
      {},
      { fill: colour('dropped'), width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) },
      { fill: colour('kept'), width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) },
    ],
    hooks: { draw: [(drawn) => { if (cutoff !== null) drawLine(drawn, cutoff, `cutoff ${formatScore(cutoff)}`, { colour: colour('cutoff'), width: 1.5, row: -1 }); }] },
  }));

  const draw = (): void => {
    const { steps } = histogram;
    const all = steps.reduce((sum, { tokens }) => sum + tokens, 0);
    const share = (keep: boolean): (number | null)[] => steps.map(({ from, to, tokens }) => ((cutoff !== null && (from + to) / 2 >= cutoff) === keep ? tokens / all : null));
    plot.show([steps.map(({ from, to }) => (from + to) / 2), share(false), share(true)]);
  };
  return {
    show(next) {
      histogram = next;
      draw();
    },
    choose(score) {
      cutoff = score;
      draw();
    },
  };
}
