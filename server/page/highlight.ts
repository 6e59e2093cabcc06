// Cuts a text into stretches of equal weight, so that the n-grams that moved its score can be shown where
// they stand.

export interface Weighted {
  contribution: number;
  count: number;
  places: readonly { characters: readonly [number, number] }[];
}

export interface Stretch {
  text: string;
  /** Sum of what the n-grams over it add to the score, each occurrence with its own part. */
  weight: number;
}

/**
 * The whole text as stretches, in order; those under no n-gram weigh 0. Where n-grams overlap, their parts
 * add up.
 */
export function cutByWeight(text: string, ngrams: readonly Weighted[]): Stretch[] {
  // The weight changes at the ends of places only: what begins and what ends there.
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
