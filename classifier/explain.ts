// Why a text has its score: the model adds up one integer per n-gram, so each n-gram's contribution is exact.
// Promises: bias + unit · (the listed weights plus that of `others`) is the scorer's score to the last bit;
// beyond the text itself, memory is bounded.

import { z } from 'zod';
import { fail } from '../run/errors/errors.ts';
import { shorten } from '../run/shorten.ts';
import { priorNgrams, tokenPattern } from './features.ts';
import { type Kernel, openKernel } from './kernel.ts';
import type { Weights } from './weights.ts';

const whole = z.number().int();
const span = z.tuple([whole, whole]);

const contributionSchema = z.strictObject({
  /** As first spelled in the text; a bigram has one space between its tokens. */
  ngram: z.string(),
  /** Occurrences. N-grams in the same bin share its weight and count as one n-gram. */
  count: whole,
  /** The sum of the weights of all its occurrences, and that sum times `unit`. */
  weight: whole,
  contribution: z.number(),
  /** Its first occurrences, as [start, end) in bytes and in UTF-16 units. */
  places: z.array(z.strictObject({ bytes: span, characters: span })),
});
export type Contribution = z.output<typeof contributionSchema>;

export const explanationSchema = z.strictObject({
  /** 'joint', or a benchmark. */
  output: z.string(),
  score: z.number(),
  /** The score of a text without n-grams. */
  bias: z.number(),
  /** What a weight of 1 adds to the score: the output's scale divided by the text's n-grams plus 256. */
  unit: z.number(),
  ngrams: whole,
  /** The sum of all n-grams' weights: score = bias + unit · weight, rounded to float32. */
  weight: whole,
  /** The n-grams that raise the score most, and those that lower it most. */
  up: z.array(contributionSchema),
  down: z.array(contributionSchema),
  /** All other n-grams of the text: distinct ones, their occurrences, and their contribution. */
  others: z.strictObject({ different: whole, count: whole, weight: whole, contribution: z.number() }),
});
export type Explanation = z.output<typeof explanationSchema>;

export interface ExplainLimits {
  /** Maximum n-grams on each side, and places per n-gram. */
  ngrams: number;
  places: number;
}

const shownCharacters = 80;

/**
 * Explains the score that `output` gives to a text (UTF-8). Errors: OPTION_INVALID for an unknown output.
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
  // The scorer divides in the same order: both must round alike.
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

/** The bins of a text's n-grams, in the order that features.ts defines. */
function* listBins(kernel: Kernel, text: Uint8Array): Generator<number, undefined> {
  kernel.beginDocument();
  for (let at = 0; at < text.length; at += kernel.pieceBytes) {
    const count = kernel.hashPiece(text, at, text.length);
    for (let i = 0; i < count; i++) yield kernel.bins[i] ?? 0;
  }
}

type Placed = Pick<Contribution, 'ngram' | 'places'>;

/** The first `most` places of the n-grams in each wanted bin. */
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
    shorten(
      Buffer.from(text.subarray(start, Math.min(end, start + 4 * shownCharacters))).toString(),
      shownCharacters,
    );
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

/** Converts byte positions in a valid UTF-8 text to UTF-16 positions. */
function countCharacters(text: Uint8Array, places: readonly number[]): Map<number, number> {
  const units = new Map<number, number>();
  let at = 0;
  let unit = 0;
  for (const place of [...new Set(places)].sort((a, b) => a - b)) {
    for (; at < place; at++) {
      const byte = text[at] ?? 0;
      // Continuation bytes add none; a four-byte character is a surrogate pair.
      if ((byte & 0xc0) !== 0x80) unit += byte >= 0xf0 ? 2 : 1;
    }
    units.set(place, unit);
  }
  return units;
}
