// Sorts names by similarity to a mistyped name, to suggest the intended one first.

/** The names, most similar first; ties keep their order. */
export function sortByNearness(names: readonly string[], wanted: string): string[] {
  const near = new Map(
    names.map((name) => [
      name,
      Math.min(distance(name, wanted), 1 + distance(lastKey(name), lastKey(wanted))),
    ]),
  );
  return names.toSorted((a, b) => (near.get(a) ?? 0) - (near.get(b) ?? 0));
}

/** The part after the last dot, because the object that contains the field may be missing or wrong. */
function lastKey(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Levenshtein distance, ignoring case. */
function distance(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[to.length] ?? 0;
}
