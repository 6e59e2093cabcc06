// The keep-rate curve: the share to keep by budget, its band, the budgets at which the paper's best rate
// changes, and the current budget. Both axes are logarithmic, and the plotted values are logarithms.

import { formatShare } from './amounts.ts';
import type { Curve } from './answers.ts';
import { axis, color, drawLines, drawPoint, type FittedPlot, type Line, openPlot } from './plot.ts';
import uPlot from './uplot.js';

export interface CurvePlot {
  show(curve: Curve): void;
  choose(flops: number, rate: number): void;
}

/** The paper's grid of rates, and halves of it, in percent. */
const percentTicks = [0.1, 0.3, 1, 3, 10, 30, 100];

/** Draws into `holder`; a click on the plot chooses the budget at that point. */
export function openCurvePlot(holder: HTMLElement, pick: (flops: number) => void): CurvePlot {
  let curve: Curve = { law: { fittedFlops: { from: 0, to: 0 } }, points: [], paper: { crossovers: [] } };
  let chosen: { flops: number; rate: number } | undefined;

  const draw = (plot: uPlot): void => {
    const crossovers = curve.paper.crossovers.map(({ flops, from, to }, row): Line => ({
      x: Math.log10(flops),
      name: `${100 * from} → ${formatShare(to)}`,
      color: color('quiet'),
      dashed: true,
      row,
      low: true,
    }));
    const budget: Line[] =
      chosen === undefined
        ? []
        : [
            {
              x: Math.log10(chosen.flops),
              name: formatShare(chosen.rate),
              color: color('cutoff'),
              width: 1.5,
              row: -1,
            },
          ];
    drawLines(plot, [...crossovers, ...budget]);
    if (chosen !== undefined)
      drawPoint(plot, Math.log10(chosen.flops), Math.log10(100 * chosen.rate), color('cutoff'));
  };
  const plot: FittedPlot = openPlot(holder, () => ({
    padding: [20, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false }, y: { range: (_plot, low) => [Math.min(low, 0), Math.log10(112)] } },
    axes: [
      axis({
        grid: { show: false },
        incrs: [1, 2],
        values: (_plot, ticks) => ticks.map((tick) => `1e${tick}`),
      }),
      axis({
        size: 44,
        splits: (_plot, _index, low) => percentTicks.map(Math.log10).filter((tick) => tick >= low),
        values: (_plot, ticks) => ticks.map((tick) => formatShare(10 ** tick / 100)),
      }),
    ],
    series: [
      {},
      { stroke: color('kept'), width: 2 },
      { stroke: color('kept'), width: 2, dash: [2, 4] },
      { width: 0 },
      { width: 0 },
    ],
    bands: [{ series: [4, 3], fill: color('band') }],
    hooks: {
      draw: [draw],
      ready: [
        (opened) =>
          opened.over.addEventListener('pointerdown', (event) =>
            pick(10 ** opened.posToVal(event.offsetX, 'x')),
          ),
      ],
    },
  }));

  return {
    show(next) {
      curve = next;
      const {
        points,
        law: { fittedFlops: fitted },
      } = next;
      const logPercent = (share: (point: Curve['points'][number]) => number): number[] =>
        points.map((point) => Math.log10(100 * share(point)));
      const inside = ({ flops }: Curve['points'][number]): boolean =>
        flops >= fitted.from && flops <= fitted.to;
      const rates = logPercent(({ rate }) => rate);
      plot.show([
        points.map(({ flops }) => Math.log10(flops)),
        rates.map((rate, index) => (points[index] !== undefined && inside(points[index]) ? rate : null)),
        rates,
        logPercent(({ low }) => low),
        logPercent(({ high }) => high),
      ]);
    },
    choose(flops, rate) {
      chosen = { flops, rate };
      plot.redraw();
    },
  };
}
