// What became of a benchmark's rows, as the index's card keeps it and `betr examples` prints it.

import { z } from 'zod';
import type { Quarantine } from '../../data/files/quarantine.ts';
import type { ExampleRow } from './read.ts';

const count = z.number().int().nonnegative();

export const exampleReportSchema = z.object({
  /** The recipes that made the texts, most rows first. */
  recipes: z.array(z.object({ recipe: z.string(), rows: count })).default([]),
  /** Why rows gave no example, most rows first, with the first row of each. */
  refused: z.array(z.object({ reason: z.string(), rows: count, first: z.string() })).default([]),
  /** Fields that hold text and are not in the examples, beside known metadata. */
  unused: z.array(z.object({ field: z.string(), rows: count })).default([]),
  /** Some examples, whole. */
  shown: z.array(z.object({ example: z.string(), recipe: z.string(), text: z.string() })).default([]),
});
export type ExampleReport = z.output<typeof exampleReportSchema>;

const mostReasons = 20;
const otherReasons = 'other reasons';

/** A quarantine that hands everything on and keeps the reasons, alike ones as one. */
export function tallyReasons(
  quarantine: Quarantine,
): Quarantine & { reasons: () => ExampleReport['refused'] } {
  const found = new Map<string, ExampleReport['refused'][number]>();
  let rows = 0;
  return {
    get count() {
      return rows;
    },
    add(file, position, reason, detail) {
      quarantine.add(file, position, reason, detail);
      rows++;
      const alike = reason.replaceAll(/"[^"]*"|\d+/g, '…');
      const key = found.has(alike) || found.size < mostReasons ? alike : otherReasons;
      const known = found.get(key);
      if (known === undefined)
        found.set(key, {
          reason: key === otherReasons ? otherReasons : reason,
          rows: 1,
          first: `${file}#${position}`,
        });
      else known.rows++;
    },
    reasons: () => [...found.values()].sort((a, b) => b.rows - a.rows),
  };
}

/** How many rows each recipe made, and which of their fields it left out. */
export function countUse(rows: readonly ExampleRow[]): Pick<ExampleReport, 'recipes' | 'unused'> {
  const [recipes, unused] = [new Map<string, number>(), new Map<string, number>()];
  const add = (counts: Map<string, number>, name: string): unknown =>
    counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { result } of rows) {
    if ('reason' in result) continue;
    add(recipes, result.recipe);
    for (const field of result.unused) add(unused, field);
  }
  const mostFirst = (counts: Map<string, number>): [string, number][] =>
    [...counts].sort(([, a], [, b]) => b - a);
  return {
    recipes: mostFirst(recipes).map(([recipe, own]) => ({ recipe, rows: own })),
    unused: mostFirst(unused).map(([field, own]) => ({ field, rows: own })),
  };
}
