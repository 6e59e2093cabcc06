// The histogram of scores: the corpus's tokens by score, how many of them are kept, and the cutoff.

import { formatScore, formatShare } from './amounts.ts';
import type { Histogram } from './answers.ts';
import { axis, color, drawLines, openPlot } from './plot.ts';
import uPlot from './uplot.js';

export interface HistogramPlot {
  show(histogram: Histogram): void;
  /** The lowest kept score; null if nothing is kept. */
  choose(score: number | null): void;
}

type Step = Histogram['steps'][number];

const barsAtMost = 80;
/** If the kept part would be narrower than this share of the plot, the plot zooms in. */
const keptAtLeast = 1 / 8;

export function openHistogramPlot(holder: HTMLElement): HistogramPlot {
  let steps: Histogram['steps'] = [];
  let cutoff: number | null = null;
  let seen: readonly Step[] = [];
  const bars = uPlot.paths.bars?.({ size: [1, 64], gap: 1 });
  const filled = (name: string): uPlot.Series => ({
    fill: color(name),
    width: 0,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  const plot = openPlot(holder, () => ({
    padding: [20, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [seen.at(0)?.from ?? 0, seen.at(-1)?.to ?? 1] },
      y: { range: (_plot, _low, high) => [0, high * 1.05] },
    },
    axes: [
      axis({
        grid: { show: false },
        values: (_plot, ticks) => ticks.map((tick) => String(tick).replace('-', '−')),
      }),
      axis({
        size: 44,
        values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? '0' : formatShare(tick))),
      }),
    ],
    series: [{}, filled('dropped'), filled('kept')],
    hooks: {
      draw: [
        (drawn) => {
          if (cutoff !== null)
            drawLines(drawn, [
              {
                x: cutoff,
                name: `cutoff ${formatScore(cutoff)}`,
                color: color('cutoff'),
                width: 1.5,
                row: -1,
              },
            ]);
        },
      ],
    },
  }));

  const draw = (): void => {
    const all = steps.reduce((sum, { tokens }) => sum + tokens, 0);
    seen = joinSteps(lookCloser(steps, cutoff));
    const share = (keep: boolean): (number | null)[] =>
      seen.map(({ from, to, tokens }) =>
        (cutoff !== null && (from + to) / 2 >= cutoff) === keep ? tokens / all : null,
      );
    plot.show([seen.map(({ from, to }) => (from + to) / 2), share(false), share(true)]);
  };
  return {
    show(histogram) {
      steps = histogram.steps;
      draw();
    },
    choose(score) {
      cutoff = score;
      draw();
    },
  };
}

/** The steps from the top down to where the kept part is visible. */
function lookCloser(steps: readonly Step[], cutoff: number | null): readonly Step[] {
  const high = steps.at(-1)?.to ?? 1;
  if (cutoff === null || cutoff >= high) return steps;
  const low = high - (high - cutoff) / keptAtLeast;
  return steps.filter(({ to }) => to > low);
}

/** Sums neighboring steps, from the top down, until there are few enough to draw. */
function joinSteps(steps: readonly Step[]): Step[] {
  const size = Math.max(1, Math.ceil(steps.length / barsAtMost));
  const width = size * ((steps[0]?.to ?? 0) - (steps[0]?.from ?? 0));
  const joined: Step[] = [];
  for (let end = steps.length; end > 0; end -= size) {
    const group = steps.slice(Math.max(0, end - size), end);
    const sum = (of: (step: Step) => number): number => group.reduce((total, step) => total + of(step), 0);
    const to = group.at(-1)?.to ?? 0;
    // The last one may have fewer steps, but is drawn as wide as the others.
    joined.push({
      from: to - width,
      to,
      documents: sum(({ documents }) => documents),
      tokens: sum(({ tokens }) => tokens),
    });
  }
  return joined.reverse();
}
