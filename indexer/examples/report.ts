// What happened to a benchmark's rows, as stored in the index card and printed by `betr examples`.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import type { ExampleRow } from './read.ts';

export const exampleReportSchema = z.object({
  /** Recipes that produced texts, most rows first. */
  recipes: z.array(z.object({ recipe: z.string(), rows: count })).default([]),
  /** Reasons why rows gave no example, most rows first, with the first row of each. */
  refused: z.array(z.object({ reason: z.string(), rows: count, first: z.string() })).default([]),
  /** Fields that hold text but are neither in the examples nor known metadata. */
  unused: z.array(z.object({ field: z.string(), rows: count })).default([]),
  /** Some complete examples. */
  shown: z.array(z.object({ example: z.string(), recipe: z.string(), text: z.string() })).default([]),
});
export type ExampleReport = z.output<typeof exampleReportSchema>;

const mostReasons = 20;
const otherReasons = 'other reasons';

/**
 * A quarantine that also counts the reasons; those that differ only in numbers and quoted values count as
 * one.
 */
export function tallyReasons(
  quarantine: Quarantine,
  nameRow = (file: string, position: number): string => `${file}#${position}`,
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
          first: nameRow(file, position),
        });
      else known.rows++;
    },
    reasons: () => [...found.values()].sort((a, b) => b.rows - a.rows),
  };
}

/** How many rows each recipe produced, and which fields were left out. */
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
