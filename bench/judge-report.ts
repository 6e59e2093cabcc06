// What the benchmark of judges says of its measurements.

import { openRandom } from '../data/seeded-random.ts';
import type { Timed } from './judge-engine.ts';
import { round } from './machine.ts';

/** Characters of a document. */
export const characters = 1000;
/** Shorter, so that a thousand take a minute or two. */
export const charactersOfScaling = 150;

export interface Scaling {
  runs: { documents: number; millisecondsPerDocument: number; loadedMb: number; peakMb: number }[];
  /** Time per document of the last run, in those of the first. */
  lastToFirst: number;
  /** Time grows with documents to this power. */
  exponent: number;
}

/** A value in each turn, next to another. */
export interface Ratio {
  ratio: number;
  low: number;
  high: number;
}

/** The slope of a line through points by least squares. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([one]) => one), mean(([, one]) => one)];
  return mean(([a, b]) => (a - x) * (b - y)) / mean(([a]) => (a - x) ** 2);
}

export function fastest(tried: readonly (Timed & { size: number })[]): number {
  return tried.toSorted((a, b) => a.seconds / a.documents - b.seconds / b.documents)[0]?.size ?? 1;
}

export function compare(
  tried: readonly (Timed & { size: number })[],
  best: number,
  measured: readonly { betr: Timed; engine: Timed }[],
) {
  const speed = (runs: readonly Timed[]): number =>
    round(
      runs.reduce((sum, { documents }) => sum + documents, 0) /
        runs.reduce((sum, { seconds }) => sum + seconds, 0),
    );
  return {
    documents: measured.reduce((sum, { betr }) => sum + betr.documents, 0),
    betr: speed(measured.map(({ betr }) => betr)),
    engine: speed(measured.map(({ engine }) => engine)),
    best,
    tried: tried.map((one) => ({ size: one.size, documentsPerSecond: speed([one]) })),
    ...ratioOf(measured.map(({ betr, engine }) => ({ betr: betr.seconds, engine: engine.seconds }))),
  };
}

/**
 * The ratio of the sums of seconds, engine to betr, and its 95 % interval by drawing turns again and again.
 */
export function ratioOf(measured: readonly { betr: number; engine: number }[]): Ratio {
  const random = openRandom(1);
  const ratio = (of: readonly { betr: number; engine: number }[]): number =>
    of.reduce((sum, { engine }) => sum + engine, 0) / of.reduce((sum, { betr }) => sum + betr, 0);
  const drawn = Array.from({ length: 2000 }, () =>
    ratio(measured.flatMap(() => measured[Math.floor(random() * measured.length)] ?? [])),
  ).sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.floor(share * drawn.length)] ?? NaN;
  return { ratio: ratio(measured), low: at(0.025), high: at(0.975) };
}

export function describeRatio({ ratio, low, high }: Ratio, digits: number): string {
  return `${ratio.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

export function describeEngine(
  name: string,
  engine: string,
  found: (ReturnType<typeof compare> & { what: string }) | undefined,
): string[] {
  if (found === undefined) return [];
  const percent = { ratio: 100 * found.ratio, low: 100 * found.low, high: 100 * found.high };
  return [
    `${name}: ${found.what}, ${found.documents} documents of ${characters} characters`,
    `  betr          ${found.betr.toFixed(2).padStart(8)} documents/s  ${describeRatio(percent, 1)} % ` +
      'of the engine alone',
    `  engine alone  ${found.engine.toFixed(2).padStart(8)} documents/s  ${engine} ${found.best}; tried ` +
      found.tried
        .map(({ size, documentsPerSecond }) => `${size}: ${documentsPerSecond.toFixed(2)}`)
        .join(', '),
  ];
}

export function describeScaling(name: string, found: Scaling | undefined): string[] {
  if (found === undefined) return [];
  return [
    `by the ${name}, documents of ${charactersOfScaling} characters: seconds grow with ` +
      `documents^${found.exponent.toFixed(2)}, ` +
      `${found.lastToFirst.toFixed(2)} × per document at the most`,
    ...found.runs.map(
      ({ documents, millisecondsPerDocument, peakMb, loadedMb }) =>
        `  ${String(documents).padStart(6)} documents ${millisecondsPerDocument.toFixed(2).padStart(8)} ms each, ` +
        `peak ${peakMb} MB (${loadedMb} MB when loaded)`,
    ),
  ];
}
