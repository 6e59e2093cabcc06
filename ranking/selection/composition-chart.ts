// An SVG bar chart of what a cut does: every source's share of the tokens with no filter and after the cut.

import { formatShare } from '../../run/amounts.ts';
import { escapeHtml } from '../../run/escape-html.ts';
import { shorten } from '../../run/shorten.ts';
import type { SourceChange } from './composition.ts';

const rowsAtMost = 14;
const width = 860;
const labelsEnd = 190;
const barsEnd = 690;
const rowHeight = 34;
const top = 96;
const colors = {
  paper: '#ffffff',
  ink: '#1f2933',
  muted: '#616e7c',
  rule: '#e4e7eb',
  before: '#b8c2cc',
  after: '#0b7285',
};

interface Bar {
  label: string;
  before: number;
  after: number;
}

/**
 * An SVG bar chart of a composition (shares of tokens before and after the cut), most favored source first,
 * small ones as "other".
 */
export function compositionSvg(composition: readonly SourceChange[], title: string): string {
  const bars = foldTail(composition);
  const largest = Math.max(...bars.flatMap(({ before, after }) => [before, after]), 0.001);
  const step = niceStep(largest);
  const axisEnd = Math.ceil(largest / step) * step;
  const x = (share: number): number => round(labelsEnd + ((barsEnd - labelsEnd) * share) / axisEnd);
  const bottom = top + bars.length * rowHeight;
  const height = bottom + 44;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" role="img" aria-label="${escapeHtml(title)}" font-family="system-ui, ` +
      `-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif" font-size="13" ` +
      `fill="${colors.ink}">`,
    `<rect width="${width}" height="${height}" fill="${colors.paper}"/>`,
    `<text x="24" y="36" font-size="18" font-weight="600">${escapeHtml(title)}</text>`,
    ...legend(),
    ...axis(axisEnd, step, x, bottom),
    ...bars.flatMap((bar, row) => drawBar(bar, top + row * rowHeight, x)),
    '</svg>',
    '',
  ].join('\n');
}

function legend(): string[] {
  return [
    `<rect x="24" y="53" width="12" height="12" rx="2" fill="${colors.before}"/><text x="42" y="63" ` +
      `fill="${colors.muted}">no filter</text>`,
    `<rect x="112" y="53" width="12" height="12" rx="2" fill="${colors.after}"/><text x="130" y="63" ` +
      `fill="${colors.muted}">after the cut</text>`,
    `<text x="${barsEnd}" y="63" text-anchor="end" fill="${colors.muted}">share of tokens</text>`,
    `<text x="${width - 24}" y="63" text-anchor="end" fill="${colors.muted}">change</text>`,
  ];
}

function axis(end: number, step: number, x: (share: number) => number, bottom: number): string[] {
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step);
  return ticks.flatMap((tick) => [
    `<line x1="${x(tick)}" y1="${top - 14}" x2="${x(tick)}" y2="${bottom}" stroke="${colors.rule}"/>`,
    `<text x="${x(tick)}" y="${bottom + 20}" text-anchor="middle" font-size="12" ` +
      `fill="${colors.muted}">${formatShare(tick, 2)}</text>`,
  ]);
}

function drawBar({ label, before, after }: Bar, y: number, x: (share: number) => number): string[] {
  const lift = before === 0 ? 0 : after / before;
  const bar = (share: number, offset: number, color: string): string =>
    `<rect x="${labelsEnd}" y="${y + offset}" ` +
    `width="${round(Math.max(x(share) - labelsEnd, share > 0 ? 1 : 0))}" height="10" rx="1.5" ` +
    `fill="${color}"/>`;
  return [
    `<text x="${labelsEnd - 12}" y="${y + 15}" text-anchor="end">${escapeHtml(shorten(label, 23))}</text>`,
    bar(before, 0, colors.before),
    bar(after, 11, colors.after),
    `<text x="${round(Math.max(x(before), x(after)) + 8)}" y="${y + 15}" font-size="12" ` +
      `fill="${colors.muted}" stroke="${colors.paper}" stroke-width="4" ` +
      `paint-order="stroke">${formatShare(before, 2)} → ${formatShare(after, 2)}</text>`,
    `<text x="${width - 24}" y="${y + 15}" text-anchor="end" font-weight="600" ` +
      `fill="${lift >= 1 ? colors.after : colors.muted}">${formatLift(lift)}</text>`,
  ];
}

/**
 * The sources with the largest shares on either side, in the composition's order; the rest as one bar at the
 * end.
 */
function foldTail(composition: readonly SourceChange[]): Bar[] {
  const bySize = composition.toSorted(
    (a, b) => Math.max(b.before.share, b.after.share) - Math.max(a.before.share, a.after.share),
  );
  const shown = new Set(composition.length <= rowsAtMost ? bySize : bySize.slice(0, rowsAtMost - 1));
  const bars = composition
    .filter((change) => shown.has(change))
    .map(({ source, before, after }) => ({
      label: source === '' ? '(no source)' : source,
      before: before.share,
      after: after.share,
    }));
  const rest = composition.filter((change) => !shown.has(change));
  if (rest.length === 0) return bars;
  const sum = (share: (change: SourceChange) => number): number =>
    rest.reduce((total, change) => total + share(change), 0);
  return [
    ...bars,
    {
      label: `${rest.length} other sources`,
      before: sum(({ before }) => before.share),
      after: sum(({ after }) => after.share),
    },
  ];
}

/** The smallest of 1, 2, 5 times a power of ten that divides `largest` into at most six parts. */
function niceStep(largest: number): number {
  const power = 10 ** Math.floor(Math.log10(largest / 6));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => largest / step <= 6) ?? 10 * power;
}

function formatLift(lift: number): string {
  if (lift === 0) return 'none left';
  return `× ${lift >= 10 ? lift.toFixed(0) : lift.toPrecision(2)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
