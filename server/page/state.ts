// The state of the page and its address: every view is a link. The names are those of the routes'
// parameters.

import { formatFlops, parseAmount, parseScore } from './amounts.ts';

export interface State {
  /** Training FLOPs. */
  budget: number;
  /** The lowest score to keep, which sets the cutoff instead of the budget. */
  score: number | undefined;
  /** Overrides of the run's settings; undefined keeps the setting. */
  pool: string | undefined;
  poolTokens: number | undefined;
  tokensPerParam: number | undefined;
  maxEpochs: number | undefined;
  /** Benchmarks switched off. */
  without: readonly string[];
  /** Model sizes of the comparison, in parameters, as the user wrote them. */
  sizes: readonly string[];
  /** The document with the open explanation. */
  document: { shard: string; row: number } | undefined;
}

/** The ends of the slider, as log10 FLOPs. */
export const sliderEnds = { from: 16, to: 26 } as const;
export const defaultBudget = 1e21;
export const defaultSizes = ['0.4B', '1B', '3B', '7B', '13B'] as const;
/** The server compares at most 20, and the budget is one of them. */
export const sizesAtMost = 19;
/** The model size of the law "nemotron-cc-6.6b", in parameters. */
const fixedModel: Record<string, number> = { 'nemotron-cc-6.6b': 6.6e9 };

/**
 * The state of an address. Unknown or unreadable values keep their default and are listed by `unreadIn`;
 * the routes report other problems.
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
    score: parseScore(query.get('score') ?? ''),
    pool: query.get('pool') ?? undefined,
    poolTokens: amount('poolTokens'),
    tokensPerParam: amount('tokensPerParam'),
    maxEpochs: amount('maxEpochs'),
    without: list('without'),
    sizes: sizes.length === 0 ? defaultSizes : sizes,
    document: shard !== null && Number.isInteger(row) && row >= 0 ? { shard, row } : undefined,
  };
}

/** The parts of an address that cannot be parsed, such as "budget=banana". */
export function unreadIn(search: string): string[] {
  const query = new URLSearchParams(search);
  const unread = (name: string, texts: readonly string[]): string[] =>
    texts.filter((text) => parseAmount(text) === undefined).map((text) => `${name}=${text}`);
  const sizes = query.getAll('sizes').flatMap((text) => text.split(','));
  return [
    ...['budget', 'poolTokens', 'tokensPerParam', 'maxEpochs'].flatMap((name) =>
      unread(name, query.getAll(name)),
    ),
    ...query
      .getAll('score')
      .filter((text) => parseScore(text) === undefined)
      .map((text) => `score=${text}`),
    ...unread(
      'sizes',
      sizes.filter((size) => size !== ''),
    ),
    ...(sizes.length > sizesAtMost ? [`sizes beyond the ${sizesAtMost}th`] : []),
  ];
}

/** The shortest address of a state: defaults are left out. */
export function writeState(state: State): string {
  const query = groundQuery(state);
  query.set('budget', formatFlops(state.budget));
  if (state.score !== undefined) query.set('score', String(state.score));
  if (state.sizes.join() !== defaultSizes.join()) query.set('sizes', state.sizes.join());
  if (state.document !== undefined) {
    query.set('shard', state.document.shard);
    query.set('row', String(state.document.row));
  }
  return `?${readable(query)}`;
}

/** The query without its budget: law, pool and benchmarks. */
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

/** Which benchmarks to rank by. */
function choiceQuery({ without }: State): URLSearchParams {
  return new URLSearchParams(without.length > 0 ? { without: without.join() } : {});
}

/** The full query of the score, or else of the budget. */
export function questionQuery(state: State): URLSearchParams {
  const query = groundQuery(state);
  if (state.score !== undefined) {
    query.set('score', String(state.score));
    return query;
  }
  query.set('budget', formatFlops(state.budget));
  const params = fixedModel[state.pool ?? ''];
  if (params !== undefined) query.set('params', String(params));
  return query;
}

/** The query of the histogram, finer than it is drawn, so that the plot can zoom in. */
export function histogramQuery(state: State): URLSearchParams {
  return new URLSearchParams([['steps', '500'], ...choiceQuery(state)]);
}

/** The query of the curve, over the full range of the slider. */
export function curveQuery(state: State): URLSearchParams {
  return new URLSearchParams([
    ['from', `1e${sliderEnds.from}`],
    ['to', `1e${sliderEnds.to}`],
    ['points', '201'],
    ...lawQuery(state),
  ]);
}

/** The query of the comparison: the sizes and the budget. */
export function compareQuery(state: State): URLSearchParams {
  const query = groundQuery(state);
  query.set('budgets', formatFlops(state.budget));
  query.set('params', state.sizes.join());
  return query;
}

/** A query as a person would write it: commas, colons and slashes need no escape. */
export function readable(query: URLSearchParams): string {
  return query.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
}

/** The sets of switched-off benchmarks that are one click away, in the order of the switches. */
export function nextSets(without: readonly string[], benchmarks: readonly string[]): string[][] {
  const sets = benchmarks.map((name) =>
    without.includes(name)
      ? without.filter((other) => other !== name)
      : benchmarks.filter((other) => other === name || without.includes(other)),
  );
  return sets.filter((set) => set.length > 0 && set.length < benchmarks.length);
}
