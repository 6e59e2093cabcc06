// Building blocks of the evaluation page: tables, numbers with intervals, bars, the plot of gains, and the
// style sheet.

import { formatCount, formatShare } from '../run/amounts.ts';
import { escapeHtml } from '../run/escape-html.ts';
import type { Estimate } from './bits.ts';
import type { EvaluatedSelection } from './evaluation.ts';
import type { Match } from './match.ts';

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = head.map((cell) => `<th>${cell}</th>`).join('');
  const body = rows.map((row) => {
    const cells = row.map((cell, index) =>
      index === 0 ? `<th scope="row">${cell}</th>` : `<td>${cell}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  return (
    `<div class="scroll"><table><thead><tr>${names}</tr></thead>` +
    `<tbody>${body.join('')}</tbody></table></div>`
  );
}

export function formatEstimate({ value, low, high, n }: Estimate): string {
  return `${value.toFixed(3)} <small>${low.toFixed(3)} – ${high.toFixed(3)}, n = ${formatCount(n)}</small>`;
}

export function gain({ gain: { value, low, high } }: Match): string {
  const kind = low > 0 ? 'good' : high < 0 ? 'bad' : 'even';
  return (
    `<span class="${kind}">${value > 0 ? '+' : ''}${value.toFixed(3)}</span> ` +
    `<small>${low.toFixed(3)} – ${high.toFixed(3)}</small>`
  );
}

export function bar(share: number): string {
  return `<span class="bar" style="--share:${(100 * share).toFixed(1)}%">${formatShare(share)}</span>`;
}

/** Every scorer's mean gain as a point on a line that shows its interval. */
export function gainPlot(rows: readonly EvaluatedSelection[]): string {
  const gains = rows.map(({ scorer, targetMatch }) => ({ scorer, ...targetMatch.mean.gain }));
  const [low, high] = [
    Math.min(0, ...gains.map((each) => each.low)),
    Math.max(0, ...gains.map((each) => each.high)),
  ];
  const [left, width, step] = [180, 480, 24];
  const x = (value: number): string =>
    (left + (width * (value - low)) / Math.max(1e-9, high - low)).toFixed(1);
  const line = ({ scorer, value, low: from, high: to }: (typeof gains)[number], index: number): string => {
    const y = step * (index + 0.5);
    const kind = from > 0 ? 'good' : to < 0 ? 'bad' : 'even';
    return (
      `<g class="${kind}"><text x="0" y="${y + 5}">${escapeHtml(scorer)}</text><line ` +
      `x1="${x(from)}" x2="${x(to)}" y1="${y}" y2="${y}" stroke="currentColor" ` +
      `stroke-width="2"/><circle cx="${x(value)}" cy="${y}" r="4" fill="currentColor"/><text ` +
      `x="${left + width + 12}" y="${y + 5}">${value > 0 ? '+' : ''}${value.toFixed(3)}</text></g>`
    );
  };
  const heightPx = step * gains.length;
  return (
    '<div class="scroll"><svg role="img" aria-label="Gain over random by scorer" ' +
    `width="${left + width + 80}" height="${heightPx}"><line class="even" x1="${x(0)}" ` +
    `x2="${x(0)}" y1="0" y2="${heightPx}" stroke="currentColor" stroke-dasharray="3 ` +
    `3"/>${gains.map(line).join('')}</svg></div>`
  );
}

export const style =
  `
:root{color-scheme:light ` +
  `dark;--ink:light-dark(#1f2933,#e4e7eb);--muted:light-dark(#616e7c,#9aa5b1);` +
  `--paper:light-dark(#fff,#14181d);--rule:light-dark(#e4e7eb,#323f4b);` +
  `--good:light-dark(#0b7285,#66d9e8);--bad:light-dark(#c92a2a,#ff8787)}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.75rem;line-height:1.2}h2{margin-top:3rem;font-size:1.25rem}h3{margin-top:2rem;font-size:1rem}
.lead{font-size:1.125rem;max-width:60rem}p{max-width:60rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.875rem}
th,td{padding:.375rem .75rem .375rem 0;border-bottom:1px solid ` +
  `var(--rule);text-align:left;vertical-align:top;white-space:nowrap}
thead th{color:var(--muted);font-weight:500}small{color:var(--muted)}
.good{color:var(--good)}.bad{color:var(--bad)}.even{color:var(--muted)}
.bar{display:block;min-width:5rem;background:linear-gradient(90deg,color-mix(in srgb,var(--good) ` +
  `30%,transparent) var(--share),transparent var(--share))}
svg{font-size:.875rem}svg text{fill:currentColor}.text{display:block;min-width:30rem;white-space:normal}
pre{overflow-x:auto;font-size:.8125rem;padding:1rem;border:1px solid var(--rule)}
`;
