// The controls of the question: budget, model, score, law, pool and benchmarks. They show a state and report every
// change; they hold no state themselves.

import { formatAmount, formatFlops, parseAmount, parseScore } from './amounts.ts';
import type { Benchmark } from './answers.ts';
import { showBenchmarks, switchBenchmarks } from './benchmarks.ts';
import { find, make } from './dom.ts';
import { openAmountEntry, openEntry } from './entries.ts';
import { defaultSizes, sizesAtMost, sliderEnds, type State } from './state.ts';

/** What the controls need to know about the run. */
export interface Ground {
  benchmarks: readonly Benchmark[];
  calibrations: readonly { name: string; formula: string }[];
  corpusTokens: number;
  /** The default law; empty if one is always chosen. */
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

/** The built-in laws, and what each was fitted on. */
export const paperLaws = [
  ['nemotron-cc', 'Nemotron-CC, deduplicated'],
  ['dclm-refinedweb', 'DCLM-RefinedWeb, raw crawl'],
  ['nemotron-cc-6.6b', 'Nemotron-CC, a 6.6B model'],
] as const;

type Change = (part: Partial<State>) => void;

export function openControls(change: Change): Controls {
  const input = (id: string): HTMLInputElement => find(`#${id}`, HTMLInputElement);
  const slider = input('slider');
  const pool = find('#pool', HTMLSelectElement);
  let ratio = 11;
  let usualLaw = '';
  let corpusTokens = 0;

  slider.min = String(sliderEnds.from);
  slider.max = String(sliderEnds.to);
  drawTicks();
  find('#question', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
  slider.addEventListener('input', () =>
    change({ budget: Number((10 ** Number(slider.value)).toPrecision(3)) }),
  );
  const budget = openAmountEntry(input('budget'), 'Enter FLOPs above 0, such as 1e21 or 2.5e22.', (flops) =>
    change({ budget: flops }),
  );
  // C = 6·N·D with D = ratio·N, solved for C.
  const params = openAmountEntry(
    input('params'),
    'Enter a number of parameters above 0, such as 7B.',
    (value) => change({ budget: 6 * ratio * value ** 2 }),
  );
  const tokens = openAmountEntry(
    input('tokens'),
    'Enter a number of training tokens above 0, such as 140B.',
    (value) => change({ budget: (6 * value ** 2) / ratio }),
  );
  const score = openEntry(
    input('score'),
    'Enter a score, such as 0.6, or leave it empty to keep what suits the budget.',
    (text) => {
      const value = parseScore(text);
      const isUsable = text.trim() === '' || value !== undefined;
      if (isUsable) change({ score: value });
      return isUsable;
    },
  );
  const poolTokens = openEntry(
    input('poolTokens'),
    'Enter at least as many tokens as the ranked corpus has, such as 6.3T. Leave it empty unless the ' +
      'corpus is a sample.',
    (text) => {
      const value = parseAmount(text);
      const isUsable = text.trim() === '' || (value !== undefined && value >= corpusTokens);
      if (isUsable) change({ poolTokens: value });
      return isUsable;
    },
  );
  const tokensPerParam = openAmountEntry(
    input('tokensPerParam'),
    'Enter tokens per parameter above 0, such as 20, or leave it empty for the default.',
    (value) => change({ tokensPerParam: value }),
    () => change({ tokensPerParam: undefined }),
  );
  const maxEpochs = openAmountEntry(
    input('maxEpochs'),
    'Enter a number of epochs above 0, such as 4, or leave it empty for the default.',
    (value) => change({ maxEpochs: value }),
    () => change({ maxEpochs: undefined }),
  );
  const sizes = openEntry(
    input('sizes'),
    `Enter up to ${sizesAtMost} model sizes separated by commas, such as 0.4B, 1B, 7B.`,
    (text) => {
      const named = text
        .split(',')
        .map((size) => size.trim())
        .filter((size) => size !== '');
      const isUsable = named.length <= sizesAtMost && named.every((size) => parseAmount(size) !== undefined);
      if (isUsable) change({ sizes: named.length === 0 ? defaultSizes : named });
      return isUsable;
    },
  );
  pool.addEventListener('change', () => change({ pool: pool.value === '' ? undefined : pool.value }));

  return {
    showState(state) {
      slider.value = String(Math.log10(state.budget));
      slider.setAttribute('aria-valuetext', `${formatFlops(state.budget)} FLOPs`);
      budget.write(formatFlops(state.budget));
      score.write(state.score === undefined ? '' : String(state.score));
      poolTokens.write(state.poolTokens === undefined ? '' : formatAmount(state.poolTokens));
      sizes.write(state.sizes.join(', '));
      maxEpochs.write(state.maxEpochs === undefined ? '' : String(state.maxEpochs));
      pool.value = state.pool ?? usualLaw;
      switchBenchmarks(state.without);
    },
    showGround(ground, state) {
      ({ usualLaw, corpusTokens } = ground);
      pool.replaceChildren(
        ...paperLaws.map(([name, about]) => make('option', { value: name }, about)),
        ...ground.calibrations.map(({ name, formula }) =>
          make('option', { value: name }, `${name}: ${formula}`),
        ),
      );
      pool.value = state.pool ?? usualLaw;
      showBenchmarks(ground.benchmarks, state.without, change);
      showPoolHint(corpusTokens);
    },
    showModel(model) {
      ratio = model.tokensPerParam;
      params.write(formatAmount(model.params));
      tokens.write(formatAmount(model.tokens));
      tokensPerParam.write(String(Number(model.tokensPerParam.toPrecision(3))));
    },
  };
}

function drawTicks(): void {
  const ticks = Array.from({ length: (sliderEnds.to - sliderEnds.from) / 2 + 1 }, (_, index) =>
    make('span', {}, `1e${sliderEnds.from + 2 * index}`),
  );
  find('#ticks', HTMLElement).replaceChildren(...ticks);
}

/**
 * [ours] The laws say little about a corpus with fewer tokens than this on its own (as the flag
 * corpus-far-below-law-range says).
 */
const smallTokens = 1e11;

function showPoolHint(corpusTokens: number): void {
  const size = `The ranked corpus has ${formatAmount(corpusTokens)} tokens.`;
  find('#poolHint', HTMLElement).textContent =
    corpusTokens < smallTokens
      ? `${size} If it is a sample of a larger pool, enter the tokens of that pool, such as 6.3T.`
      : size;
}
