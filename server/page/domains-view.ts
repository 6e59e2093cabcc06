// Domains by how well other models' losses on them predict the models' benchmark errors: a plot of all
// estimates and a table.

import { formatAmount, formatCount, formatShare } from './amounts.ts';
import type { Domain, Domains } from './answers.ts';
import { find, make, setVariable } from './dom.ts';
import { axis, color, openPlot } from './plot.ts';
import type uPlot from './uplot.js';

const rowsAtMost = 200;

/** Draws the plot into `holder`; returns the function that shows an answer. */
export function openDomainsView(holder: HTMLElement): (answer: Domains) => void {
  let domains: readonly Domain[] = [];
  const plot = openPlot(holder, () => ({
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: () => [0, domains.length + 1] }, y: {} },
    axes: [
      axis({
        grid: { show: false },
        incrs: [1, 2, 5, 10, 20, 50, 100, 200],
        values: (_plot, ticks) => ticks.map((tick) => (tick > 0 ? formatCount(tick) : '')),
      }),
      axis({
        size: 44,
        values: (_plot, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(4))).replace('-', '−')),
      }),
    ],
    // Only for the axis ranges; drawEstimates draws what is visible.
    series: [{}, ...Array.from({ length: 3 }, () => ({ width: 0, points: { show: false } }))],
    hooks: { draw: [(drawn) => drawEstimates(drawn, domains)] },
  }));
  return (answer) => {
    domains = answer.domains;
    showNote(answer);
    find('#domainsTable', HTMLElement).replaceChildren(...drawTable(domains, answer.ofDomains));
    const value = (of: (domain: Domain) => number | null): (number | null)[] => domains.map(of);
    plot.show([
      domains.map((_, index) => index + 1),
      value(({ estimate }) => estimate),
      value(({ low }) => low),
      value(({ high }) => high),
    ]);
  };
}

/** Each domain as a point on a line that spans its interval. */
function drawEstimates(plot: uPlot, domains: readonly Domain[]): void {
  const { ctx } = plot;
  const unit = window.devicePixelRatio;
  const width = Math.max(1, Math.min(6 * unit, (plot.bbox.width / (domains.length + 1)) * 0.6));
  ctx.save();
  for (const [index, { estimate, low, high, include }] of domains.entries()) {
    const x = plot.valToPos(index + 1, 'x', true);
    const at = (value: number): number => plot.valToPos(value, 'y', true);
    ctx.fillStyle = color(include ? 'band' : 'rule');
    if (low !== null && high !== null) ctx.fillRect(x - width / 2, at(high), width, at(low) - at(high));
    ctx.fillStyle = color(include ? 'kept' : 'faint');
    ctx.fillRect(x - width / 2, at(estimate) - unit, width, 2 * unit);
  }
  ctx.restore();
}

function showNote({ estimator, target, models, ofDomains, domains, prediction, warnings }: Domains): void {
  const included = domains.filter(({ include }) => include).length;
  const shown =
    domains.length < ofDomains
      ? `The best ${formatCount(domains.length)} of ${formatCount(ofDomains)}`
      : formatCount(ofDomains);
  const sure =
    prediction === null
      ? ''
      : ` On held-out models, the weights predict the order with R² ${number(prediction.rSquared, 2)}, ` +
        `the mean loss alone with ${number(prediction.meanLoss, 2)}; the 95th percentile by chance ` +
        `is ${number(prediction.permutedHigh, 2)}.`;
  find('#domainsNote', HTMLElement).textContent =
    `${shown} domains by ${estimator} over ${formatCount(models)} models; ` +
    `target: ${target.join(', ')}; ${formatCount(included)} included.${sure}`;
  find('#domainsWarnings', HTMLElement).replaceChildren(
    ...warnings.map((warning) => make('li', {}, warning)),
  );
}

function drawTable(domains: readonly Domain[], ofDomains: number): HTMLElement[] {
  const head = (text: string, kind?: string): HTMLElement => make('th', { scope: 'col', class: kind }, text);
  // Without token counts all domains have the same size; a caution says so.
  const counted = domains.some(({ tokens }) => tokens !== domains[0]?.tokens);
  const most = Math.max(...domains.map(({ weight }) => weight), 1e-12);
  const table = make(
    'table',
    {},
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        head('Domain'),
        ...(counted ? [head('Tokens', 'number')] : []),
        head('Estimate', 'number'),
        head('95% interval', 'number'),
        head('Chosen', 'number'),
        head('Weight'),
        head('', 'number'),
      ),
    ),
    make('tbody', {}, ...domains.slice(0, rowsAtMost).map((domain) => drawRow(domain, most, counted))),
  );
  return [
    table,
    ...(ofDomains > rowsAtMost
      ? [make('p', { class: 'hint' }, `The best ${rowsAtMost} domains; JSON and CSV have more.`)]
      : []),
  ];
}

function drawRow(
  { domain, tokens, estimate, low, high, chosen, weight, include }: Domain,
  most: number,
  counted: boolean,
): HTMLElement {
  const bar = make('i', { class: 'kept' });
  setVariable(bar, 'share', String(weight / most));
  return make(
    'tr',
    {},
    make('th', { scope: 'row', title: domain }, domain.trim()),
    ...(counted ? [make('td', { class: 'number quiet' }, formatAmount(tokens))] : []),
    make('td', { class: 'number' }, number(estimate)),
    make(
      'td',
      { class: 'number quiet' },
      low === null || high === null ? '' : `${number(low)} to ${number(high)}`,
    ),
    make('td', { class: 'number quiet' }, chosen === null ? '' : formatShare(chosen)),
    make('td', { class: 'bar', 'aria-hidden': 'true' }, ...(include ? [bar] : [])),
    make('td', { class: `number${include ? '' : ' quiet'}` }, include ? formatShare(weight) : 'excluded'),
  );
}

function number(value: number, digits = 3): string {
  return value.toFixed(digits).replace('-', '−');
}
