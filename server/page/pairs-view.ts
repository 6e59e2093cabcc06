// Preference pairs: their difficulty, a cut that can be moved, what it keeps and loses, and the pairs near it.

import { formatCount, formatShare, parseAmount } from './amounts.ts';
import { askJson, problemOf } from './ask.ts';
import { find, make } from './dom.ts';
import { openAmountEntry, openEntry } from './entries.ts';
import type { ListedMeasurement, NearCut, PairHistogram, PairSetListed, PairSets } from './pairs-answers.ts';
import { showKeepAnswer } from './pairs-losses.ts';
import { drawNear } from './pairs-near.ts';
import { listSources, openPairsPlot } from './pairs-plot.ts';

/** The delay of a request, in case the handle still moves, in ms. */
const waitMs = 120;
/** The handle has 200 places for shares, and 1000 for difficulties. */
const places = 200;
const positions = 1000;
/** Arrow keys move the share by one place, Page Up and Page Down by ten. */
const keySteps: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -places,
  End: places,
};

/** A share to keep, or the model size that a published fit gives one for. */
type Question = { keep: number } | { params: number };

/** Draws into the section; returns the function that shows the list of sets. */
export function openPairsView(section: HTMLElement): (list: PairSets) => void {
  const setChoice = find('#pairSet', HTMLSelectElement);
  const measurementChoice = find('#pairMeasurement', HTMLSelectElement);
  const handle = find('#pairCut', HTMLInputElement);
  const note = find('#pairsNote', HTMLElement);
  const body = find('#pairsBody', HTMLElement);
  const alert = find('#pairsProblem', HTMLElement);
  let sets: readonly PairSetListed[] = [];
  let histogram: PairHistogram | undefined;
  let question: Question = { keep: 1 };
  let stop = new AbortController();

  const plot = openPairsPlot(find('.plot', HTMLElement, section), (difficulty) =>
    moveTo(shareUpTo(difficulty)),
  );
  const keepEntry = openEntry(
    find('#pairKeep', HTMLInputElement),
    'Enter a share above 0, such as 60%.',
    (text) => {
      const share = parseShare(text);
      if (share !== undefined) moveTo(share);
      return share !== undefined;
    },
  );
  const paramsEntry = openAmountEntry(
    find('#pairParams', HTMLInputElement),
    'Enter a number of parameters above 0, such as 7B.',
    (params) => {
      question = { params };
      void follow(0);
    },
    () => undefined,
  );
  handle.addEventListener('input', () => {
    const { from, to } = histogram ?? { from: 0, to: 1 };
    moveTo(shareUpTo(from + ((to - from) * Number(handle.value)) / positions));
  });
  handle.addEventListener('keydown', (event) => {
    const step = keySteps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const share = Number(handle.dataset['share'] ?? '1');
    moveTo(Math.min(places, Math.max(1, Math.round(share * places) + step)) / places);
  });

  /** The share of the pairs that are not harder, in steps of half a percent. */
  const shareUpTo = (difficulty: number): number => {
    const { quantiles, to } = histogram ?? { quantiles: [], to: 1 };
    const harder = quantiles.findIndex((quantile) => quantile > difficulty);
    return difficulty >= to || harder < 0 ? 1 : Math.max(1, harder - 1) / places;
  };
  const moveTo = (share: number): void => {
    question = { keep: share };
    paramsEntry.write('');
    showCut(share);
    void follow(waitMs);
  };
  /** Moves the handle and the line at once; the numbers follow when the server answers. */
  const showCut = (share: number, threshold = histogram?.quantiles[Math.round(share * places)]): void => {
    if (histogram === undefined) return;
    const { from, to } = histogram;
    const difficulty = threshold ?? to;
    plot.cut(share >= 1 ? Infinity : difficulty);
    handle.value = String(share >= 1 ? positions : (positions * (difficulty - from)) / (to - from || 1));
    handle.dataset['share'] = String(share);
    handle.setAttribute(
      'aria-valuetext',
      `keep ${formatShare(share)}, up to a difficulty of ${difficulty.toPrecision(3)}`,
    );
    keepEntry.write(formatShare(share));
  };
  const pathOf = (part: string, query: Record<string, string>): string =>
    `pairs/${encodeURIComponent(setChoice.value)}${part}?` +
    new URLSearchParams({ measurement: measurementChoice.value, ...query }).toString();

  const follow = async (delayMs: number): Promise<void> => {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const isStale = (): boolean => signal.aborted;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (isStale()) return;
    const asked =
      'keep' in question
        ? { keep: String(question.keep) }
        : { params: String(question.params), fit: 'argilla' };
    try {
      const near = await askJson<NearCut>(
        pathOf('/rows', { ...asked, limit: '3', characters: '1500' }),
        ['answer', 'kept', 'dropped'],
        { signal },
      );
      if (isStale()) return;
      alert.hidden = true;
      find('#pairsJson', HTMLAnchorElement).href = pathOf('', asked);
      showCut(near.answer.keep, near.answer.threshold ?? undefined);
      showKeepAnswer(near.answer);
      find('#pairsNear', HTMLElement).replaceChildren(
        ...drawNear(near, (id) => pathOf('/why', { id, characters: '0' })),
      );
    } catch (error) {
      if (isStale()) return;
      alert.textContent = problemOf(error).message;
      alert.hidden = false;
    }
  };
  /** Reads the histogram of the chosen measurement, and answers again. */
  const open = async (): Promise<void> => {
    const set = sets.find(({ name }) => name === setChoice.value);
    const measurement = set?.measurements.find(({ name }) => name === measurementChoice.value);
    note.textContent = describe(set, measurement);
    body.hidden = measurement?.problem !== null;
    if (body.hidden) return;
    const path = pathOf('/histogram', { steps: '60' });
    try {
      histogram = await askJson<PairHistogram>(path, ['sources', 'quantiles']);
    } catch (error) {
      body.hidden = true;
      note.textContent = problemOf(error).message;
      return;
    }
    if (path !== pathOf('/histogram', { steps: '60' })) return;
    plot.show(histogram);
    find('#pairsLegend', HTMLElement).replaceChildren(...listSources(histogram));
    if ('keep' in question) showCut(question.keep);
    await follow(0);
  };
  const openSet = (): void => {
    const set = sets.find(({ name }) => name === setChoice.value);
    const measurements = set?.measurements ?? [];
    fill(
      measurementChoice,
      measurements.map(({ name }) => name),
      // Reference models rather than a proxy.
      measurements.find(({ proxy }) => proxy === false) ??
        measurements.find(({ problem }) => problem === null),
    );
    void open();
  };
  setChoice.addEventListener('change', openSet);
  measurementChoice.addEventListener('change', () => void open());

  return (list) => {
    ({ sets } = list);
    section.hidden = sets.length === 0;
    if (sets.length === 0) return;
    fill(
      setChoice,
      sets.map(({ name }) => name),
      sets.find(({ measurements }) => measurements.length > 0),
    );
    openSet();
  };
}

/** Offers the names. The chosen one stays; otherwise `first` is chosen. One needs no list. */
function fill(
  select: HTMLSelectElement,
  names: readonly string[],
  first: { name: string } | undefined,
): void {
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => make('option', {}, name)));
  select.value = names.includes(chosen) ? chosen : (first?.name ?? names[0] ?? '');
  const label = select.closest('label');
  if (label !== null) label.hidden = names.length < 2;
}

function describe(set: PairSetListed | undefined, measurement: ListedMeasurement | undefined): string {
  if (set === undefined) return '';
  if (set.pairs === null) return set.problem ?? '';
  if (measurement === undefined)
    return `${formatCount(set.pairs)} pairs, not measured yet. Run "betr pairs measure ${set.name}".`;
  if (measurement.problem !== null) return measurement.problem;
  const { name, proxy, known, unknown, check } = measurement;
  const agreement =
    check === null || check.spearman === null
      ? ''
      : ` Its rank correlation with ${check.with} is ${check.spearman.toFixed(2)}, on ` +
        `${formatCount(check.pairs)} pairs.`;
  return (
    `${formatCount(set.pairs)} pairs of ${set.name}, measured by ${name}` +
    `${proxy === true ? ', a proxy for trained reference models' : ''}: ${formatCount(known ?? 0)} have a ` +
    `difficulty, ${formatCount(unknown ?? 0)} do not.${agreement}`
  );
}

/** "60%" or "0.6"; undefined for anything that is no share above 0. */
function parseShare(text: string): number | undefined {
  const trimmed = text.trim();
  const isPercent = trimmed.endsWith('%');
  const value = parseAmount(isPercent ? trimmed.slice(0, -1) : trimmed);
  const share = value === undefined || !isPercent ? value : value / 100;
  return share !== undefined && share <= 1 ? share : undefined;
}
