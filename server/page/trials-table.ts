// The table of a trial's arms, and how each arm is drawn.

import type { Interval } from './answers.ts';
import { make, setVariable } from './dom.ts';
import type { TrialArm, TrialGain } from './trial-answers.ts';

/** The style sheet has this many colors for series. */
const colors = 6;

export interface ArmStyle {
  /** A color of the style sheet. */
  color: string;
  dashed: boolean;
}

/** What arms are compared with is gray; every ranking has a color. */
export function styleArms(arms: readonly TrialArm[]): ArmStyle[] {
  const rankings = arms.filter(({ kind }) => kind === 'ranking');
  return arms.map((arm) => {
    if (arm.kind !== 'ranking') return { color: 'quiet', dashed: arm.kind === 'random' };
    const place = rankings.indexOf(arm);
    return { color: `series-${1 + (place % colors)}`, dashed: place >= colors };
  });
}

export function drawTable(arms: readonly TrialArm[], styles: readonly ArmStyle[]): HTMLElement[] {
  const head = (text: string, kind?: string): HTMLElement => make('th', { scope: 'col', class: kind }, text);
  return [
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        head('Arm'),
        head('Bits per byte', 'number'),
        head('Over no filter'),
        head('Over random'),
        head('Compute multiplier', 'number'),
        head('Other texts, over no filter'),
        head('Tokens seen', 'number'),
      ),
    ),
    make(
      'tbody',
      {},
      ...arms.map((arm, index) =>
        make(
          'tr',
          {},
          make('th', { scope: 'row' }, key(arm.arm, styles[index])),
          make('td', { class: 'number' }, ...(arm.answers === null ? [] : interval(arm.answers))),
          gain(arm.overNoFilter),
          gain(arm.overRandom),
          make('td', { class: 'number' }, ...multiplier(arm.multiplier)),
          gain(arm.textsOverNoFilter),
          make('td', { class: 'number quiet' }, `${Math.max(1, arm.passes).toPrecision(2)} ×`),
        ),
      ),
    ),
  ];
}

function key(arm: string, style: ArmStyle | undefined): HTMLElement {
  const made = make('span', { class: `key line series${style?.dashed === true ? ' dash' : ''}` }, arm);
  setVariable(made, 'series', `var(--${style?.color ?? 'quiet'})`);
  return made;
}

function gain(found: TrialGain | null): HTMLElement {
  if (found === null) return make('td', { class: 'quiet' }, '–');
  const kind = { better: 'good', worse: 'bad', 'no difference seen': 'quiet' }[found.verdict];
  return make(
    'td',
    {},
    make('span', { class: kind }, `${found.value > 0 ? '+' : ''}${number(found.value)} ${found.verdict}`),
    ' ',
    make('small', { class: 'quiet' }, limits(found)),
  );
}

function interval(found: Interval): (HTMLElement | string)[] {
  return [number(found.value), ' ', make('small', { class: 'quiet' }, limits(found))];
}

function limits({ low, high }: Interval): string {
  return `${number(low)} to ${number(high)}`;
}

/** How many times the compute no filter needs for the same loss. */
function multiplier(found: TrialArm['multiplier']): (HTMLElement | string)[] {
  if (found === null) return ['–'];
  const { kind, times, low, high } = found;
  const limit = (value: number | null): string => value?.toPrecision(2) ?? 'not reached';
  return kind === 'is'
    ? [`${times.toPrecision(2)} × `, make('small', { class: 'quiet' }, `${limit(low)} to ${limit(high)}`)]
    : [
        'not reached ',
        make(
          'small',
          { class: 'quiet' },
          `${kind === 'above' ? 'more' : 'less'} than ${times.toPrecision(2)} ×`,
        ),
      ];
}

function number(value: number): string {
  return value.toFixed(3).replace('-', '−');
}
