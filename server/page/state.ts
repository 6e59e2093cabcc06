// What the page is asked, and the address that says it: every view of the page is a link. The names are those
// of the routes' parameters.

import { formatFlops, parseAmount } from './amounts.ts';

export interface State {
  /** FLOPs of training. */
  budget: number;
  /** What stands in for the run's settings; undefined leaves the settings' own. */
  pool: string | undefined;
  poolTokens: number | undefined;
  tokensPerParam: number | undefined;
  maxEpochs: number | undefined;
  /** Benchmarks switched off. */
  without: readonly string[];
  /** Models of the compare table, in parameters, as the reader wrote them. */
  sizes: readonly string[];
  /** The document whose score is being explained. */
  document: { shard: string; row: number } | undefined;
}

/** The slider's ends, as log10 FLOPs. */
export const sliderEnds = { from: 16, to: 26 } as const;
export const defaultBudget = 1e21;
export const defaultSizes = ['0.4B', '1B', '3B', '7B', '13B'] as const;
/** The server compares 20 at most, and the budget is one of them. */
export const sizesAtMost = 19;
/** The model that the law "nemotron-cc-6.6b" is about, in parameters. */
const fixedModel: Record<string, number> = { 'nemotron-cc-6.6b': 6.6e9 };

/**
 * The state of an address. What it does not know or cannot read it leaves at its default, which `unreadIn`
 * tells; the routes say what is wrong with the rest.
 */
export function readState(search: string): State {
  const query = new URLSearchParams(search);
  const amount = (name: string): number | undefined => parseAmount(query.get(name) ?? '');
  const list = (name: string): string[] => (query.get(name) ?? '').split(',').filter((item) => item !== '');
  const [shard, row] = [query.get('shard'), Number(query.get('row') ?? Number.NaN)];
  const sizes = list('sizes')
    .filter((size) => parseAmount(size) !== undefined)
    .slice(0, sizesAtMost);
  return {
    budget: amount('budget') ?? defaultBudget,
    pool: query.get('pool') ?? undefined,
    poolTokens: amount('poolTokens'),
    tokensPerParam: amount('tokensPerParam'),
    maxEpochs: amount('maxEpochs'),
    without: list('without'),
    sizes: sizes.length === 0 ? defaultSizes : sizes,
    document: shard !== null && Number.isInteger(row) && row >= 0 ? { shard, row } : undefined,
  };
}

/** What an address says that cannot be read, such as "budget=banana". */
export function unreadIn(search: string): string[] {
  const query = new URLSearchParams(search);
  const unread = (name: string, texts: readonly string[]): string[] =>
    texts.filter((text) => parseAmount(text) === undefined).map((text) => `${name}=${text}`);
  const sizes = query.getAll('sizes').flatMap((text) => text.split(','));
  return [
    ...['budget', 'poolTokens', 'tokensPerParam', 'maxEpochs'].flatMap((name) =>
      unread(name, query.getAll(name)),
    ),
    ...unread(
      'sizes',
      sizes.filter((size) => size !== ''),
    ),
    ...(sizes.length > sizesAtMost ? [`sizes beyond the ${sizesAtMost}th`] : []),
  ];
}

/** The address of a state, shortest form: what is at its default is left out. */
export function writeState(state: State): string {
  const query = groundQuery(state);
  query.set('budget', formatFlops(state.budget));
  if (state.sizes.join() !== defaultSizes.join()) query.set('sizes', state.sizes.join());
  if (state.document !== undefined) {
    query.set('shard', state.document.shard);
    query.set('row', String(state.document.row));
  }
  return `?${readable(query)}`;
}

/** The question without its budget: law, pool and benchmarks. */
export function groundQuery(state: State): URLSearchParams {
  return new URLSearchParams([...lawQuery(state), ...choiceQuery(state)]);
}

function lawQuery({ pool, poolTokens, tokensPerParam, maxEpochs }: State): URLSearchParams {
  const query = new URLSearchParams();
  if (pool !== undefined) query.set('pool', pool);
  if (poolTokens !== undefined) query.set('poolTokens', String(poolTokens));
  if (tokensPerParam !== undefined) query.set('tokensPerParam', String(tokensPerParam));
  if (maxEpochs !== undefined) query.set('maxEpochs', String(maxEpochs));
  return query;
}

/** Which benchmarks count. */
function choiceQuery({ without }: State): URLSearchParams {
  return new URLSearchParams(without.length > 0 ? { without: without.join() } : {});
}

/** The whole question of a budget. */
export function questionQuery(state: State): URLSearchParams {
  const query = groundQuery(state);
  query.set('budget', formatFlops(state.budget));
  const params = fixedModel[state.pool ?? ''];
  if (params !== undefined) query.set('params', String(params));
  return query;
}

/** The question of the histogram, finer than it is drawn, so that it can be looked at closely. */
export function histogramQuery(state: State): URLSearchParams {
  return new URLSearchParams([['steps', '500'], ...choiceQuery(state)]);
}

/** The question of the curve, over the whole of the slider. */
export function curveQuery(state: State): URLSearchParams {
  return new URLSearchParams([
    ['from', `1e${sliderEnds.from}`],
    ['to', `1e${sliderEnds.to}`],
    ['points', '201'],
    ...lawQuery(state),
  ]);
}

/** The question of the compare table: the budget among the sizes. */
export function compareQuery(state: State): URLSearchParams {
  const query = groundQuery(state);
  query.set('budgets', formatFlops(state.budget));
  query.set('params', state.sizes.join());
  return query;
}

/** A query as a person would write it: commas, colons and slashes need no escape in a query. */
export function readable(query: URLSearchParams): string {
  return query.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
}

/** The sets that are switched off after one more press, in the order of the switches. */
export function nextSets(without: readonly string[], benchmarks: readonly string[]): string[][] {
  const sets = benchmarks.map((name) =>
    without.includes(name)
      ? without.filter((other) => other !== name)
      : benchmarks.filter((other) => other === name || without.includes(other)),
  );
  return sets.filter((set) => set.length > 0 && set.length < benchmarks.length);
}
