// The question: budget, model, law, pool and benchmarks. Shows a state and tells of every change of it; holds nothing itself.

import { formatAmount, formatFlops, parseAmount } from './amounts.ts';
import type { Benchmark } from './answers.ts';
import { showBenchmarks, switchBenchmarks } from './benchmarks.ts';
import { find, make } from './dom.ts';
import { defaultSizes, sliderEnds, type State } from './state.ts';

/** What the controls need to know of the run. */
export interface Ground {
  benchmarks: readonly Benchmark[];
  calibrations: readonly { name: string; formula: string }[];
  corpusTokens: number;
  /** The law where none is chosen. */
  usualLaw: string;
}

/** The model that the server assumes for the budget. */
export interface ShownModel {
  params: number;
  tokens: number;
  tokensPerParam: number;
}

export interface Controls {
  showState(state: State): void;
  showGround(ground: Ground, state: State): void;
  showModel(model: ShownModel): void;
}

const paperLaws = [
  ['nemotron-cc', 'Nemotron-CC, deduplicated'],
  ['dclm-refinedweb', 'DCLM-RefinedWeb, raw crawl'],
  ['nemotron-cc-6.6b', 'Nemotron-CC, a 6.6B model'],
] as const;

type Change = (part: Partial<State>) => void;

export function openControls(change: Change): Controls {
  const input = (id: string): HTMLInputElement => find(`#${id}`, HTMLInputElement);
  const slider = input('slider');
  const [budget, params, tokens, poolTokens, tokensPerParam, maxEpochs, sizes] = [input('budget'), input('params'), input('tokens'), input('poolTokens'), input('tokensPerParam'), input('maxEpochs'), input('sizes')];
  const pool = find('#pool', HTMLSelectElement);
  let ratio = 11;
  let usualLaw = '';

  slider.min = String(sliderEnds.from);
  slider.max = String(sliderEnds.to);
  drawTicks();
  find('#question', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
  slider.addEventListener('input', () => change({ budget: Number((10 ** Number(slider.value)).toPrecision(3)) }));
  onAmount(budget, (flops) => change({ budget: flops }));
  // C = 6·N·D with D = ratio·N, solved for C.
  onAmount(params, (value) => change({ budget: 6 * ratio * value ** 2 }));
  onAmount(tokens, (value) => change({ budget: (6 * value ** 2) / ratio }));
  onAmount(poolTokens, (value) => change({ poolTokens: value }), () => change({ poolTokens: undefined }));
  onAmount(tokensPerParam, (value) => change({ tokensPerParam: value }), () => change({ tokensPerParam: undefined }));
  onAmount(maxEpochs, (value) => change({ maxEpochs: value }), () => change({ maxEpochs: undefined }));
  onText(sizes, (text) => {
    const named = text.split(',').map((size) => size.trim()).filter((size) => size !== '');
    const known = named.every((size) => parseAmount(size) !== undefined);
    if (known) change({ sizes: named.length === 0 ? defaultSizes : named });
    return known;
  });
  pool.addEventListener('change', () => change({ pool: pool.value === '' ? undefined : pool.value }));

  return {
    showState(state) {
      slider.value = String(Math.log10(state.budget));
      slider.setAttribute('aria-valuetext', `${formatFlops(state.budget)} FLOPs`);
      write(budget, formatFlops(state.budget));
      write(poolTokens, state.poolTokens === undefined ? '' : formatAmount(state.poolTokens));
      write(sizes, state.sizes.join(', '));
      write(maxEpochs, state.maxEpochs === undefined ? '' : String(state.maxEpochs));
      pool.value = state.pool ?? usualLaw;
      switchBenchmarks(state.without);
    },
    showGround(ground, state) {
      usualLaw = state.pool === undefined ? ground.usualLaw : '';
      pool.replaceChildren(...paperLaws.map(([name, about]) => make('option', { value: name }, about)), ...ground.calibrations.map(({ name, formula }) => make('option', { value: name }, `${name}: ${formula}`)));
      pool.value = state.pool ?? usualLaw;
      showBenchmarks(ground.benchmarks, state.without, change);
      showPoolHint(ground.corpusTokens);
    },
    showModel(model) {
      ratio = model.tokensPerParam;
      write(params, formatAmount(model.params));
      write(tokens, formatAmount(model.tokens));
      write(tokensPerParam, String(Number(model.tokensPerParam.toPrecision(3))));
    },
  };
}

/** Calls `use` with what was typed, once it is a number; an empty entry calls `clear`. */
function onAmount(input: HTMLInputElement, use: (value: number) => void, clear?: () => void): void {
  onText(input, (text) => {
    const value = parseAmount(text);
    if (value !== undefined) use(value);
    else if (text.trim() === '' && clear !== undefined) clear();
    else return false;
    return true;
  });
}

/** Calls `use` with what was typed; false marks it as what cannot be read. */
function onText(input: HTMLInputElement, use: (text: string) => boolean): void {
  input.addEventListener('input', () => (input.dataset['typing'] = ''));
  input.addEventListener('change', () => {
    delete input.dataset['typing'];
    if (!use(input.value)) input.setAttribute('aria-invalid', 'true');
  });
}

/** Writes into an entry, but not into what is being typed. */
function write(input: HTMLInputElement, text: string): void {
  if ('typing' in input.dataset) return;
  input.value = text;
  input.removeAttribute('aria-invalid');
}

function drawTicks(): void {
  const ticks = Array.from({ length: (sliderEnds.to - sliderEnds.from) / 2 + 1 }, (_, index) => make('span', {}, `1e${sliderEnds.from + 2 * index}`));
  find('#ticks', HTMLElement).replaceChildren(...ticks);
}

/** [ours] Under this many tokens the laws say little about a corpus by itself (as the flag corpus-far-below-law-range). */
const smallTokens = 1e11;

function showPoolHint(corpusTokens: number): void {
  const size = `The ranked corpus has ${formatAmount(corpusTokens)} tokens.`;
  find('#poolHint', HTMLElement).textContent = corpusTokens < smallTokens ? `${size} If it is a sample of a larger pool, say how many tokens that has, such as 6.3T.` : size;
}
