// Why a text has its score: the model adds up one whole number for each n-gram, so the part of every n-gram
// in the score is known exactly. Promises: bias + unit · (all weights listed, and those of `others`) is the
// scorer's score to the last bit; memory does not grow with the text beyond the text itself, whatever n-grams
// it has.

import { z } from 'zod';
import { fail } from '../run/errors/errors.ts';
import { priorNgrams, tokenPattern } from './features.ts';
import { type Kernel, openKernel } from './kernel.ts';
import type { Weights } from './weights.ts';

const whole = z.number().int();
const span = z.tuple([whole, whole]);

const contributionSchema = z.strictObject({
  /** As it stands in the text the first time; a bigram with one space between its tokens. */
  ngram: z.string(),
  /** How often it occurs. N-grams that share a bin of the table share its weight, and count as one. */
  count: whole,
  /** Of all its occurrences: the sum of their weights, and that times `unit`. */
  weight: whole,
  contribution: z.number(),
  /** Its first occurrences: from byte to byte, and from UTF-16 unit to UTF-16 unit, the ends left out. */
  places: z.array(z.strictObject({ bytes: span, characters: span })),
});
export type Contribution = z.output<typeof contributionSchema>;

export const explanationSchema = z.strictObject({
  /** 'joint', or the benchmark whose score it is. */
  output: z.string(),
  score: z.number(),
  /** The score of a text without n-grams. */
  bias: z.number(),
  /** What a weight of 1 adds: the output's scale over the text's n-grams plus 256. */
  unit: z.number(),
  ngrams: whole,
  /** The sum of all n-grams' weights: score = bias + unit · weight, rounded to float32. */
  weight: whole,
  /** The n-grams that add most, and those that take most away. */
  up: z.array(contributionSchema),
  down: z.array(contributionSchema),
  /** All other n-grams of the text together: different ones, their occurrences, and what they add. */
  others: z.strictObject({ different: whole, count: whole, weight: whole, contribution: z.number() }),
});
export type Explanation = z.output<typeof explanationSchema>;

export interface ExplainLimits {
  /** At most so many n-grams on each side, and places of each. */
  ngrams: number;
  places: number;
}

const shownCharacters = 80;

/**
 * Explains the score that `output` gives to a text (UTF-8). Errors: OPTION_INVALID for an output that is not
 * there.
 */
export function explainScore(
  weights: Weights,
  output: string,
  text: Uint8Array,
  limits: ExplainLimits,
): Explanation {
  const index = weights.outputs.findIndex(({ name }) => name === output);
  const { bias, scale } = weights.outputs[index] ?? { bias: 0, scale: 0 };
  if (index < 0)
    throw fail('OPTION_INVALID', {
      option: 'benchmark',
      got: output,
      allowed: `a benchmark with its own score: ${
        weights.outputs
          .slice(1)
          .map(({ name }) => name)
          .join(', ') || 'this classifier has only the joint score'
      }`,
    });
  const kernel = openKernel(weights.bits, 0);
  const counts = new Map<number, number>();
  let ngrams = 0;
  for (const bin of listBins(kernel, text)) {
    counts.set(bin, (counts.get(bin) ?? 0) + 1);
    ngrams++;
  }
  const divisor = ngrams + priorNgrams;
  const parts = [...counts].map(([bin, count]) => ({ bin, count, weight: count * weights.at(bin, index) }));
  const weight = sumOf(parts);
  // As the scorer divides, so that nothing is rounded otherwise.
  const worth = (weightOf: number): number => (scale * weightOf) / divisor;
  const up = parts
    .filter((part) => part.weight > 0)
    .sort((a, b) => b.weight - a.weight || a.bin - b.bin)
    .slice(0, limits.ngrams);
  const down = parts
    .filter((part) => part.weight < 0)
    .sort((a, b) => a.weight - b.weight || a.bin - b.bin)
    .slice(0, limits.ngrams);
  const places = findPlaces(
    kernel,
    text,
    [...up, ...down].map(({ bin }) => bin),
    limits.places,
  );
  const describe = ({ bin, count, weight: own }: Part): Contribution => ({
    count,
    weight: own,
    contribution: worth(own),
    ...(places.get(bin) ?? { ngram: '', places: [] }),
  });
  const shown = [...up, ...down];
  const othersWeight = weight - sumOf(shown);
  return {
    output,
    score: Math.fround(bias + worth(weight)) + 0,
    bias,
    unit: scale / divisor,
    ngrams,
    weight,
    up: up.map(describe),
    down: down.map(describe),
    others: {
      different: counts.size - shown.length,
      count: ngrams - shown.reduce((sum, { count }) => sum + count, 0),
      weight: othersWeight,
      contribution: worth(othersWeight) + 0,
    },
  };
}

interface Part {
  bin: number;
  count: number;
  weight: number;
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { weight }) => sum + weight, 0);
}

/** The bins of a text's n-grams, in the order of features.ts. */
function* listBins(kernel: Kernel, text: Uint8Array): Generator<number, undefined> {
  kernel.beginDocument();
  for (let at = 0; at < text.length; at += kernel.pieceBytes) {
    const count = kernel.hashPiece(text, at, text.length);
    for (let i = 0; i < count; i++) yield kernel.bins[i] ?? 0;
  }
}

type Placed = Pick<Contribution, 'ngram' | 'places'>;

/** Where the n-grams of the wanted bins stand: the first `most` places of each. */
function findPlaces(
  kernel: Kernel,
  text: Uint8Array,
  wanted: readonly number[],
  most: number,
): Map<number, Placed> {
  const found = new Map<number, { ngram: string; spans: [number, number][] }>(
    wanted.map((bin) => [bin, { ngram: '', spans: [] }]),
  );
  const bins = listBins(kernel, text);
  let before: [number, number] | undefined;
  const note = (bin: number | undefined, start: number, end: number, ngram: () => string): void => {
    const entry = bin === undefined ? undefined : found.get(bin);
    if (entry === undefined || entry.spans.length >= most) return;
    if (entry.spans.length === 0) entry.ngram = ngram();
    entry.spans.push([start, end]);
  };
  const show = (start: number, end: number): string =>
    shorten(Buffer.from(text.subarray(start, Math.min(end, start + 4 * shownCharacters))).toString());
  for (const { index, 0: token } of Buffer.from(text.buffer, text.byteOffset, text.length)
    .toString('latin1')
    .matchAll(tokenPattern)) {
    const [start, end] = [index, index + token.length];
    const earlier = before;
    // The bigram comes before its second token.
    if (earlier !== undefined)
      note(bins.next().value, earlier[0], end, () => `${show(...earlier)} ${show(start, end)}`);
    note(bins.next().value, start, end, () => show(start, end));
    before = [start, end];
  }
  const characters = countCharacters(
    text,
    [...found.values()].flatMap(({ spans }) => spans.flat()),
  );
  const place = (bytes: [number, number]): Placed['places'][number] => ({
    bytes,
    characters: [characters.get(bytes[0]) ?? 0, characters.get(bytes[1]) ?? 0],
  });
  return new Map([...found].map(([bin, { ngram, spans }]) => [bin, { ngram, places: spans.map(place) }]));
}

/** For places in bytes of a text in valid UTF-8, the places in UTF-16 units. */
function countCharacters(text: Uint8Array, places: readonly number[]): Map<number, number> {
  const units = new Map<number, number>();
  let at = 0;
  let unit = 0;
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    for (; at < place; at++) {
      const byte = text[at] ?? 0;
      // Continuation bytes add none; a character of four bytes is a pair.
      if ((byte & 0xc0) !== 0x80) unit += byte >= 0xf0 ? 2 : 1;
    }
    units.set(place, unit);
  }
  return units;
}

function shorten(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
