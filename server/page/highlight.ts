// Cuts a text into stretches of equal weight, to highlight the n-grams that moved its score.

export interface Weighted {
  contribution: number;
  count: number;
  places: readonly { characters: readonly [number, number] }[];
}

export interface Stretch {
  text: string;
  /** Sum of the contributions of the n-grams over it, each occurrence with its share. */
  weight: number;
}

/** The full text as stretches, in order; a stretch under no n-gram weighs 0. Overlapping n-grams add up. */
export function cutByWeight(text: string, ngrams: readonly Weighted[]): Stretch[] {
  // The weight changes only where an occurrence begins or ends.
  const steps = new Map<number, number>();
  const step = (at: number, by: number): void => void steps.set(at, (steps.get(at) ?? 0) + by);
  const covered = new Map<number, number>();
  for (const { contribution, count, places } of ngrams) {
    for (const {
      characters: [from, to],
    } of places) {
      step(from, contribution / count);
      step(to, -contribution / count);
      covered.set(from, (covered.get(from) ?? 0) + 1);
      covered.set(to, (covered.get(to) ?? 0) - 1);
    }
  }
  const stretches: Stretch[] = [];
  let [at, weight, depth] = [0, 0, 0];
  for (const next of [...new Set([...steps.keys(), text.length])]
    .filter((place) => place <= text.length)
    .sort((a, b) => a - b)) {
    if (next > at) stretches.push({ text: text.slice(at, next), weight: depth === 0 ? 0 : weight });
    weight += steps.get(next) ?? 0;
    depth += covered.get(next) ?? 0;
    at = Math.max(at, next);
  }
  return stretches;
}
