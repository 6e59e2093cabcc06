// The histogram of difficulty: pairs by source, stacked, and the cut. Pairs beyond the cut are pale.

import { formatAmount } from './amounts.ts';
import { make, setVariable } from './dom.ts';
import type { PairHistogram } from './pairs-answers.ts';
import { axis, color, drawLines, openPlot } from './plot.ts';
import type uPlot from './uplot.js';

/** The space of the labels at the left and the margin at the right; pairs.css aligns the handle with them. */
const sides = { left: 44, right: 16 };
const pale = 0.3;

export interface PairsPlot {
  show(histogram: PairHistogram): void;
  /** Pairs up to this difficulty are kept. */
  cut(difficulty: number): void;
}

/** Draws into `holder`; a press on the plot, or a drag, chooses a difficulty. */
export function openPairsPlot(holder: HTMLElement, pick: (difficulty: number) => void): PairsPlot {
  let shown: PairHistogram = { from: 0, to: 1, sources: [], quantiles: [] };
  let threshold = Infinity;
  const plot = openPlot(holder, () => ({
    padding: [20, sides.right, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: () => [shown.from, shown.to > shown.from ? shown.to : shown.from + 1] },
      y: { range: (_plot, _low, high) => [0, high * 1.05] },
    },
    axes: [
      axis({ grid: { show: false }, size: 32 }),
      axis({
        size: sides.left,
        values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? formatAmount(tick) : '')),
      }),
    ],
    // Only for the range of the axis; drawBars draws what is visible.
    series: [{}, { width: 0, points: { show: false } }],
    hooks: {
      draw: [
        (drawn) => {
          drawBars(drawn, shown, threshold);
          if (threshold < shown.to)
            drawLines(drawn, [
              {
                x: threshold,
                name: `cut ${threshold.toPrecision(3)}`,
                color: color('cutoff'),
                width: 1.5,
                row: -1,
              },
            ]);
        },
      ],
      ready: [
        (opened) => {
          const pickAt = (event: PointerEvent): void => pick(opened.posToVal(event.offsetX, 'x'));
          opened.over.addEventListener('pointerdown', pickAt);
          opened.over.addEventListener('pointermove', (event) => {
            if (event.buttons === 1) pickAt(event);
          });
        },
      ],
    },
  }));
  return {
    show(histogram) {
      shown = histogram;
      const steps = histogram.sources[0]?.steps ?? [];
      const total = (step: number): number =>
        histogram.sources.reduce((sum, source) => sum + (source.steps[step] ?? 0), 0);
      plot.show([steps.map((_, step) => edge(histogram, step + 0.5)), steps.map((_, step) => total(step))]);
    },
    cut(difficulty) {
      threshold = difficulty;
      plot.redraw();
    },
  };
}

/** The difficulty at the beginning of a step. */
function edge({ from, to, sources }: PairHistogram, step: number): number {
  const width = to > from ? to - from : 1;
  return from + (width * step) / (sources[0]?.steps.length ?? 1);
}

function drawBars(plot: uPlot, histogram: PairHistogram, threshold: number): void {
  const { ctx } = plot;
  const at = (pairs: number): number => plot.valToPos(pairs, 'y', true);
  const steps = histogram.sources[0]?.steps.length ?? 0;
  ctx.save();
  for (let step = 0; step < steps; step++) {
    const [left, right] = [edge(histogram, step), edge(histogram, step + 1)].map((x) =>
      Math.round(plot.valToPos(x, 'x', true)),
    );
    if (left === undefined || right === undefined) continue;
    const gap = right - left > 4 ? 1 : 0;
    ctx.globalAlpha = edge(histogram, step + 0.5) <= threshold ? 1 : pale;
    let below = 0;
    for (const [index, source] of histogram.sources.entries()) {
      const pairs = source.steps[step] ?? 0;
      ctx.fillStyle = color(seriesOf(index, source.others));
      ctx.fillRect(left, at(below + pairs), right - left - gap, at(below) - at(below + pairs));
      below += pairs;
    }
  }
  ctx.restore();
}

function seriesOf(index: number, others: boolean): string {
  return others ? 'faint' : `series-${index + 1}`;
}

/** Which color is which source. */
export function listSources({ sources }: PairHistogram): HTMLElement[] {
  const named = sources.map(({ source, others }, index) => {
    const key = make(
      'span',
      { class: 'key series' },
      others ? 'other sources' : (source ?? (sources.length > 1 ? 'no source' : 'pairs')),
    );
    setVariable(key, 'series', `var(--${seriesOf(index, others)})`);
    return key;
  });
  return [
    ...named,
    make(
      'span',
      { class: 'quiet' },
      'pairs by difficulty (loss); pale: dropped; the last step has all harder pairs',
    ),
  ];
}
