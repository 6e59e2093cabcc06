// Trials: the arms of one, as learning curves and as a table with intervals.

import { formatAmount, formatCount, formatFlops } from './amounts.ts';
import { askJson, problemOf } from './ask.ts';
import { find, make } from './dom.ts';
import { axis, color, openPlot } from './plot.ts';
import type { TrialArm, TrialRate, TrialReport, Trials } from './trial-answers.ts';
import { type ArmStyle, drawTable, styleArms } from './trials-table.ts';
import type uPlot from './uplot.js';

/** As many job problems as the panel lists; the report has all. */
const problemsAtMost = 5;

/** Draws into the section; returns the function that shows the list. */
export function openTrialsView(section: HTMLElement): (list: Trials) => void {
  let arms: readonly TrialArm[] = [];
  let styles: readonly ArmStyle[] = [];
  const plot = openPlot(find('.plot', HTMLElement, section), () => ({
    padding: [12, 16, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: () => rangeOf(arms.flatMap(({ curve }) => curve.map(logFlops))) },
      y: { range: () => rangeOf(arms.flatMap(({ curve }) => curve.flatMap(({ low, high }) => [low, high]))) },
    },
    axes: [
      axis({
        grid: { show: false },
        splits: () => distinct(arms.flatMap(({ curve }) => curve.map(logFlops))),
        values: (_plot, ticks) => ticks.map((log) => formatFlops(10 ** log)),
        space: 60,
      }),
      axis({ size: 44, values: (_plot, ticks) => ticks.map((tick) => String(Number(tick.toPrecision(4)))) }),
    ],
    series: [
      {},
      ...styles.map(({ color: name, dashed }) => ({
        stroke: color(name),
        width: 1.5,
        ...(dashed ? { dash: [4, 3] } : {}),
        points: { show: true, size: 5, fill: color(name) },
      })),
    ],
    hooks: { draw: [(drawn) => drawIntervals(drawn, arms, styles)] },
  }));
  const choice = find('#trial', HTMLSelectElement, section);
  const rateChoice = find('#trialRate', HTMLSelectElement, section);
  const body = find('#trialBody', HTMLElement, section);
  const note = find('#trialNote', HTMLElement, section);
  const caveats = find('#trialCaveats', HTMLElement, section);
  let report: TrialReport | undefined;
  let listed: Trials['trials'] = [];

  const showRate = (): void => {
    const rate = report?.learningRates[Number(rateChoice.value)];
    body.hidden = report === undefined || rate === undefined;
    if (report === undefined || rate === undefined) return;
    note.textContent = describe(report, rate);
    ({ arms } = rate);
    styles = styleArms(arms);
    find('#trialTable', HTMLTableElement).replaceChildren(...drawTable(arms, styles));
    const x = distinct(arms.flatMap(({ curve }) => curve.map(logFlops)));
    plot.show([
      x,
      ...arms.map(({ curve }) => {
        const values = new Map(curve.map((point) => [logFlops(point), point.value]));
        return x.map((at) => values.get(at) ?? null);
      }),
    ]);
  };
  const follow = async (): Promise<void> => {
    const name = choice.value;
    const path = `trials/${encodeURIComponent(name)}`;
    let [read, problem]: [TrialReport | undefined, string] = [undefined, ''];
    try {
      read = await askJson<TrialReport>(path, ['learningRates', 'notes', 'problems']);
    } catch (error) {
      problem = listed.find((trial) => trial.name === name)?.problem ?? problemOf(error).message;
    }
    if (name !== choice.value) return;
    report = read;
    note.textContent = problem;
    find('#trialJson', HTMLAnchorElement).href = path;
    find('#trialPage', HTMLAnchorElement).href = `${path}?format=html`;
    find('nav', HTMLElement, section).hidden = read === undefined;
    caveats.replaceChildren(
      ...(read === undefined ? [] : listCaveats(read).map((text) => make('li', {}, text))),
    );
    fill(
      rateChoice,
      (read?.learningRates ?? []).map(({ learningRate }, index) => [String(index), String(learningRate)]),
    );
    showRate();
  };
  choice.addEventListener('change', () => void follow());
  rateChoice.addEventListener('change', showRate);

  return ({ trials }) => {
    listed = trials;
    section.hidden = trials.length === 0;
    if (trials.length === 0) return;
    const chosen = choice.value;
    fill(
      choice,
      trials.map(({ name }) => [name, name]),
    );
    // The chosen one stays; otherwise the first that has a report.
    const first = trials.find(({ reported }) => reported) ?? trials[0];
    choice.value = trials.some(({ name }) => name === chosen) ? chosen : (first?.name ?? '');
    void follow();
  };
}

/** Offers the choices; a single one needs no list. */
function fill(select: HTMLSelectElement, choices: readonly (readonly [value: string, text: string])[]): void {
  select.replaceChildren(...choices.map(([value, text]) => make('option', { value }, text)));
  const label = select.closest('label');
  if (label !== null) label.hidden = choices.length < 2;
}

function describe(
  { model, tokens, seeds, jobs, flops }: TrialReport,
  { noise, smallest }: TrialRate,
): string {
  const sure =
    noise === null || smallest === null
      ? 'No arm has two seeds, so the noise of seeds is unknown.'
      : `The smallest difference found four times out of five is ${smallest.toPrecision(2)}; models that differ only ` +
        `in their seed differ by ${noise.deviation.toPrecision(2)} (standard deviation).`;
  return (
    `${formatCount(jobs.done)} of ${formatCount(jobs.of)} models of size ${model}, each trained on ` +
    `${formatAmount(tokens)} tokens (${formatFlops(flops)} FLOPs in all), measured on held-out test items. ` +
    'Bits per byte of the right answers: lower is better. Differences above 0 are better. 95% intervals ' +
    `over ${seeds.length > 1 ? 'seeds and items' : 'items'}. ${sure}`
  );
}

function listCaveats({ notes, problems }: TrialReport): string[] {
  const more = problems.length - problemsAtMost;
  return [
    ...notes,
    ...problems.slice(0, problemsAtMost).map(({ job, problem }) => `${job} has no result: ${problem}.`),
    ...(more > 0 ? [`${formatCount(more)} more models have no result; the report lists them.`] : []),
  ];
}

function logFlops({ flops }: { flops: number }): number {
  return Math.log10(flops);
}

function distinct(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** From the smallest to the largest value, with a margin. */
function rangeOf(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.05 * (high - low) || 0.1;
  return [low - margin, high + margin];
}

/** The interval of every point, as a vertical line in the color of its arm. */
function drawIntervals(plot: uPlot, arms: readonly TrialArm[], styles: readonly ArmStyle[]): void {
  const { ctx } = plot;
  ctx.save();
  ctx.lineWidth = window.devicePixelRatio;
  ctx.globalAlpha = 0.6;
  for (const [index, { curve }] of arms.entries()) {
    ctx.strokeStyle = color(styles[index]?.color ?? 'quiet');
    for (const point of curve) {
      const x = plot.valToPos(logFlops(point), 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, plot.valToPos(point.low, 'y', true));
      ctx.lineTo(x, plot.valToPos(point.high, 'y', true));
      ctx.stroke();
    }
  }
  ctx.restore();
}
