// Shared by the plots: colors from the style sheet, a size that follows the panel, and the marks of the
// cutoff.

import uPlot from './uplot.js';

const pixels = (): number => window.devicePixelRatio;

/** A color of the style sheet, in the current theme. */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export interface FittedPlot {
  show(data: uPlot.AlignedData): void;
  /** Draws the same data again, with updated marks. */
  redraw(): void;
}

/** A plot that fills its holder and is redrawn when the holder's size or the theme changes. */
export function openPlot(
  holder: HTMLElement,
  options: () => Omit<uPlot.Options, 'width' | 'height'>,
): FittedPlot {
  let plot: uPlot | undefined;
  let shown: uPlot.AlignedData | undefined;
  const size = (): { width: number; height: number } => ({
    width: holder.clientWidth,
    height: holder.clientHeight,
  });
  const open = (): void => {
    if (shown === undefined) return;
    plot?.destroy();
    plot = new uPlot({ ...options(), ...size() }, shown, holder);
  };
  new ResizeObserver(() => plot?.setSize(size())).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', open);
  return {
    show(data) {
      shown = data;
      // The options describe each series, so another number of them needs another plot.
      if (plot?.series.length !== data.length) open();
      else plot.setData(data);
    },
    redraw: () => plot?.redraw(false),
  };
}

/** An axis in the page's font and colors. */
export function axis(options: uPlot.Axis): uPlot.Axis {
  return {
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    stroke: color('quiet'),
    grid: { stroke: color('rule'), width: 1 },
    ticks: { show: false },
    border: { show: false },
    gap: 8,
    ...options,
  };
}

export interface Line {
  x: number;
  name: string;
  color: string;
  dashed?: boolean;
  width?: number;
  /** The row of the name: counted from the top, -1 above the plot; or from the bottom (`low`). */
  row: number;
  low?: boolean;
}

/**
 * Vertical lines through the plot with their names beside them; the names are drawn last, so that no line
 * crosses them.
 */
export function drawLines(plot: uPlot, lines: readonly Line[]): void {
  const { ctx, bbox } = plot;
  const unit = pixels();
  const bottom = bbox.top + bbox.height;
  const placed = lines
    .map((line) => ({ ...line, at: Math.round(plot.valToPos(line.x, 'x', true)) }))
    .filter(({ at }) => at >= bbox.left && at <= bbox.left + bbox.width);
  ctx.save();
  for (const { at, row, color, width = 1, dashed = false } of placed) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width * unit;
    ctx.setLineDash(dashed ? [3 * unit, 3 * unit] : []);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top + Math.min(0, row) * 15 * unit);
    ctx.lineTo(at, bottom);
    ctx.stroke();
  }
  for (const { at, row, color, name, low = false } of placed)
    write(plot, name, at, low ? bottom - (15 * row + 18) * unit : bbox.top + (15 * row + 4) * unit, color);
  ctx.restore();
}

/** A filled point with a rim in the paper color. */
export function drawPoint(plot: uPlot, x: number, y: number, fill: string): void {
  const { ctx } = plot;
  const unit = pixels();
  ctx.save();
  ctx.beginPath();
  ctx.arc(plot.valToPos(x, 'x', true), plot.valToPos(y, 'y', true), 5.5 * unit, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.strokeStyle = color('paper');
  ctx.lineWidth = 2 * unit;
  ctx.fill();
  ctx.stroke();
  ctx.restore();
}

/** Text beside a line, on the side that has room, readable over what is below it. */
function write(plot: uPlot, text: string, x: number, y: number, fill: string): void {
  const { ctx, bbox } = plot;
  const unit = pixels();
  ctx.font = `600 ${11 * unit}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = 'top';
  const fits = x + 6 * unit + ctx.measureText(text).width <= bbox.left + bbox.width;
  ctx.textAlign = fits ? 'left' : 'right';
  const at = x + (fits ? 6 : -6) * unit;
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * unit;
  ctx.strokeStyle = color('paper');
  ctx.strokeText(text, at, y);
  ctx.fillStyle = fill;
  ctx.fillText(text, at, y);
}
