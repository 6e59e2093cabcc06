// A trial's report as one HTML page without any other file, to keep or to send.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { formatAmount, formatCount, formatCountOf, formatFlops, formatShare } from '../../run/amounts.ts';
import { readRegular } from '../../run/regular-file.ts';
import { escapeHtml } from '../../run/escape-html.ts';
import { style, table } from '../report-parts.ts';
import { describeMultiplier, signed, spread } from './describe.ts';
import type { Gain, ReportAtRate, ReportedArm, TrialReport } from './report-file.ts';

/** Renders the page. `details` (settings, versions) are shown as they are. */
export async function trialHtml(report: TrialReport, details: unknown): Promise<string> {
  const { trial, learningRates, notes, problems } = report;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, ' +
      `initial-scale=1"><title>Trial ${escapeHtml(trial)}</title>`,
    `<style>${style}${await library('uPlot.min.css')}.curve{height:20rem;max-width:60rem}</style></head><body><main>`,
    `<h1>Trial ${escapeHtml(trial)}</h1>`,
    `<p class="lead">${escapeHtml(headline(report))}</p>`,
    `<p>${escapeHtml(describeDesign(report))}</p>`,
    ...notes.map((note) => `<p class="bad">${escapeHtml(note)}</p>`),
    ...learningRates.flatMap((rate, index) => section(rate, index, learningRates.length)),
    ...flipsSection(report),
    ...cheapSection(report),
    ...(problems.length === 0
      ? []
      : [
          '<h2>Models without a result</h2>',
          table(
            ['model', 'why'],
            problems.map(({ job, problem }) => [escapeHtml(job), escapeHtml(problem)]),
          ),
        ]),
    '<h2>Data card</h2>',
    `<pre>${escapeHtml(JSON.stringify(details, null, 2))}</pre>`,
    `<script type="application/json" id="curves">${plotData(learningRates)}</script>`,
    `<script>${await library('uPlot.iife.min.js')}</script><script>${drawCurves}</script>`,
    '</main></body></html>',
    '',
  ].join('\n');
}

/** A file of the plotting library. */
async function library(file: string): Promise<string> {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js'));
  return (await readRegular(join(folder, file), 'utf8')).replaceAll('</script', String.raw`<\/script`);
}

function headline({ learningRates: [first] }: TrialReport): string {
  const ranked = (first?.arms ?? []).filter(({ kind }) => kind === 'ranking');
  const with_ = (verdict: Gain['verdict']): string[] =>
    ranked.filter(({ overRandom }) => overRandom?.verdict === verdict).map(({ arm }) => arm);
  const [better, worse, same] = [with_('better'), with_('worse'), with_('no difference seen')];
  const say = (arms: readonly string[], what: string): string[] =>
    arms.length === 0 ? [] : [`${what}: ${arms.join(', ')}.`];
  return [
    ...say(better, 'Better than random documents of the same amount'),
    ...say(worse, 'Worse than random documents'),
    ...say(same, 'No difference from random documents seen'),
  ].join(' ');
}

function describeDesign({ model, parameters, tokens, seeds, jobs, flops, devices }: TrialReport): string {
  return (
    `${formatCount(jobs.done)} of ${formatCountOf(jobs.of, 'model')} of size ${model}` +
    (parameters === null
      ? ''
      : ` (${formatAmount(parameters.all)} parameters, ${formatAmount(parameters.withoutEmbeddings)} beside ` +
        'the embeddings)') +
    ` were trained on ${formatAmount(tokens)} tokens each, ${formatFlops(flops)} FLOPs in all, on ` +
    `${devices.join(', ')}, and measured on held-out test items of the benchmarks and held-out texts. ` +
    'Numbers are bits per byte of the right answers, lower is better; differences above 0 are better. ' +
    `Intervals are 95% bootstraps over ${seeds.length > 1 ? 'seeds and items' : 'items'}.`
  );
}

function section(
  { learningRate, arms, noise, smallest, benchmarks }: ReportAtRate,
  index: number,
  rates: number,
): string[] {
  const sure = benchmarks
    .filter(({ accuracy }) => accuracy?.isAboveChance === true)
    .map(({ benchmark }) => benchmark);
  return [
    `<h2>${rates === 1 ? 'Arms' : `Arms at learning rate ${learningRate}`}</h2>`,
    table(
      [
        'arm',
        'answers',
        'over no filter',
        'over random',
        'compute multiplier',
        'whole items',
        'other texts',
        'tokens seen',
      ],
      arms.map((arm) => [
        escapeHtml(arm.arm),
        estimate(arm.answers),
        gain(arm.overNoFilter),
        gain(arm.overRandom),
        escapeHtml(describeMultiplier(arm.multiplier)),
        estimate(arm.whole),
        `${estimate(arm.texts)}<br>${gain(arm.textsOverNoFilter)}`,
        `${Math.max(1, arm.passes).toPrecision(2)} ×`,
      ]),
    ),
    noise === null || smallest === null
      ? '<p>No arm has two seeds, so the noise of seeds is unknown.</p>'
      : `<p>Models that differ only in their seed differ by ${noise.deviation.toPrecision(2)} (standard deviation, ` +
        `${noise.freedom} degrees of freedom). The smallest difference that is found four times out of five is ` +
        `${smallest.toPrecision(2)}.</p>`,
    '<h3>Bits per byte of the answers by compute</h3>',
    `<div class="curve" data-rate="${index}"></div>`,
    '<h3>By benchmark</h3>',
    table(
      ['benchmark', 'items', 'signal to noise', ...arms.map(({ arm }) => escapeHtml(arm))],
      benchmarks.map(({ benchmark, items, measure, signalToNoise }) => [
        `${escapeHtml(benchmark)}${measure === 'whole' ? ' (whole items)' : ''}`,
        formatCount(items),
        signalToNoise === null ? '–' : signalToNoise.toFixed(1),
        ...arms.map((arm) => {
          const own = arm.benchmarks.find((each) => each.benchmark === benchmark);
          return own === undefined ? '' : `${estimate(own.answers)}<br>${gain(own.overNoFilter)}`;
        }),
      ]),
    ),
    '<h3>Accuracy</h3>',
    ...accuracySection(arms, benchmarks, sure),
    '<details><summary>By source: bits per byte of held-out texts</summary>',
    table(
      ['source', ...arms.map(({ arm }) => escapeHtml(arm))],
      (arms[0]?.sources ?? []).map(({ source }) => [
        escapeHtml(source || '(no source)'),
        ...arms.map(({ sources }) => {
          const own = sources.find((each) => each.source === source);
          return own === undefined ? '' : `${estimate(own.bits)}<br>${gain(own.overNoFilter)}`;
        }),
      ]),
    ),
    '</details>',
  ];
}

function accuracySection(
  arms: readonly ReportedArm[],
  benchmarks: ReportAtRate['benchmarks'],
  sure: readonly string[],
): string[] {
  const guesses = benchmarks.flatMap(({ benchmark, accuracy }) =>
    accuracy === null || accuracy.isAboveChance
      ? []
      : [`${benchmark} (chance ${formatShare(accuracy.chance)})`],
  );
  return [
    ...(sure.length === 0
      ? ['<p>No benchmark is above chance at this size.</p>']
      : [
          table(
            ['benchmark', ...arms.map(({ arm }) => escapeHtml(arm))],
            sure.map((benchmark) => [
              escapeHtml(benchmark),
              ...arms.map((arm) => {
                const own = arm.benchmarks.find((each) => each.benchmark === benchmark);
                return `${percent(own?.accuracy)}<br><small>by character</small> ${percent(own?.accuracyByCharacter)}`;
              }),
            ]),
          ),
        ]),
    ...(guesses.length === 0
      ? []
      : [`<p>Not above chance, so not shown: ${escapeHtml(guesses.join(', '))}.</p>`]),
  ];
}

function flipsSection({ flips }: TrialReport): string[] {
  if (flips === null) return [];
  const { pairs, flipped } = flips;
  return [
    '<h2>Does the order depend on the learning rate?</h2>',
    pairs === 0
      ? '<p>No two arms differ by more than the noise at both learning rates.</p>'
      : `<p>Of ${formatCountOf(pairs, 'pair')} of arms that differ at both, ${formatCount(flipped.length)} ` +
        'change places' +
        `${flipped.length === 0 ? '' : `: ${escapeHtml(flipped.map((pair) => pair.join(' and ')).join('; '))}`}.</p>`,
  ];
}

function cheapSection({ cheapMeasures }: TrialReport): string[] {
  return [
    '<h2>Did cheap measures agree?</h2>',
    '<p>Of the pairs of arms that differ by more than the noise of seeds, the share that each measure puts ' +
      'in the same order. Intervals resample the arms.</p>',
    table(
      ['measure', 'arms', 'pairs', 'same order'],
      cheapMeasures.map(({ measure, arms, pairs, share, reason }) => [
        escapeHtml(measure),
        formatCount(arms),
        formatCount(pairs),
        share === null ? escapeHtml(reason ?? '') : percent(share),
      ]),
    ),
  ];
}

function estimate(value: { value: number; low: number; high: number; n?: number } | null): string {
  if (value === null) return '';
  const items = value.n === undefined ? '' : `, n = ${formatCount(value.n)}`;
  return `${value.value.toFixed(3)} <small>${spread(value)}${items}</small>`;
}

function gain(found: Gain | null): string {
  if (found === null) return '';
  const kind = { better: 'good', worse: 'bad', 'no difference seen': 'even' }[found.verdict];
  return `<span class="${kind}">${signed(found.value)} ${found.verdict}</span> <small>${spread(found)}</small>`;
}

function percent(value: { value: number; low: number; high: number } | null | undefined): string {
  if (value === null || value === undefined) return '';
  return `${formatShare(value.value)} <small>${formatShare(value.low)} to ${formatShare(value.high)}</small>`;
}

/** The curves, for the page's script. "<" would end the element. */
function plotData(rates: readonly ReportAtRate[]): string {
  return JSON.stringify(
    rates.map(({ arms }) =>
      arms.map(({ arm, curve }) => ({ arm, points: curve.map(({ flops, value }) => [flops, value]) })),
    ),
  ).replaceAll('<', String.raw`\u003c`);
}

/** The page's script: one plot for each learning rate, compute on a logarithmic axis. */
const drawCurves = `
const colors = ['#0b7285', '#c92a2a', '#5f3dc4', '#e67700', '#2b8a3e', '#a61e4d', '#364fc7', '#5c940d'];
for (const holder of document.querySelectorAll('.curve')) {
  const arms = JSON.parse(document.getElementById('curves').textContent)[Number(holder.dataset.rate)];
  const x = [...new Set(arms.flatMap((arm) => arm.points.map(([flops]) => flops)))].sort((a, b) => a - b);
  const logs = x.map(Math.log10);
  const axis = { stroke: getComputedStyle(document.body).color, grid: { stroke: '#8884' } };
  const show = (log) => log === null ? '' : (10 ** log).toExponential(1);
  new uPlot({
    width: holder.clientWidth,
    height: holder.clientHeight - 80,
    scales: { x: { time: false, range: [logs[0] - 0.05, logs.at(-1) + 0.05] } },
    axes: [
      { ...axis, splits: () => logs, values: (_plot, ticks) => ticks.map(show), label: 'FLOPs' },
      { ...axis, label: 'bits per byte' },
    ],
    series: [
      { label: 'FLOPs', value: (_plot, log) => show(log) },
      ...arms.map(({ arm }, i) => (
        { label: arm, stroke: colors[i % colors.length], width: 2, points: { show: true } })),
    ],
  }, [logs, ...arms.map(({ points }) => x.map((flops) => points.find(([at]) => at === flops)?.[1] ?? null))], holder);
}
`;
