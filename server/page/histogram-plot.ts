// The histogram of scores: how many of the corpus's tokens have which score, what of it is kept, and the cutoff between.

import { formatScore, formatShare } from './amounts.ts';
import { axis, colour, drawLine, openPlot } from './plot.ts';
import uPlot from './uplot.js';

export interface Histogram {
  /** Equal steps of score, lowest first; `tokens` of each. */
  bins: readonly { from: number; to: number; tokens: number }[];
}

export interface HistogramPlot {
  show(histogram: Histogram): void;
  /** The lowest score kept; null where nothing is. */
  choose(score: number | null): void;
}

export function openHistogramPlot(holder: HTMLElement): HistogramPlot {
  let histogram: Histogram = { bins: [] };
  let cutoff: number | null = null;
  const bars = uPlot.paths.bars?.({ size: [1, 64], gap: 1 });
  const plot = openPlot(holder, () => ({
    padding: [20, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [histogram.bins.at(0)?.from ?? 0, histogram.bins.at(-1)?.to ?? 1] }, y: { range: (_plot, _low, high) => [0, high * 1.05] } },
    axes: [
      axis({ grid: { show: false }, values: (_plot, ticks) => ticks.map(formatScore) }),
      axis({ size: 44, values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : formatShare(tick))) }),
    ],
    series: [
      {},
      { fill: colour('dropped'), width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) },
      { fill: colour('kept'), width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars }) },
    ],
    hooks: { draw: [(drawn) => { if (cutoff !== null) drawLine(drawn, cutoff, `cutoff ${formatScore(cutoff)}`, { colour: colour('cutoff'), width: 1.5, row: -1 }); }] },
  }));

  const draw = (): void => {
    const { bins } = histogram;
    const all = bins.reduce((sum, { tokens }) => sum + tokens, 0);
    const share = (keep: boolean): (number | null)[] => bins.map(({ from, to, tokens }) => ((cutoff !== null && (from + to) / 2 >= cutoff) === keep ? tokens / all : null));
    plot.show([bins.map(({ from, to }) => (from + to) / 2), share(false), share(true)]);
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
