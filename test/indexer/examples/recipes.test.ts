// Every recipe with golden rows in the benchmark's published form. A new recipe takes two files: the recipe
// and its rows.

import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { productFolder } from '../../../run/product-folder.ts';
import { withFolder } from '../../data/collect.ts';
import { exampleText } from './example-text.ts';
import { findShape, loadRecipes, type Recipes, readRecipes } from '../../../indexer/examples/recipes.ts';

const folder = join(productFolder(), 'test', 'indexer', 'examples', 'recipes');
const golden = z.array(
  z.strictObject({
    row: z.record(z.string(), z.unknown()),
    text: z.string().optional(),
    reason: z.string().optional(),
  }),
);
const families = readdirSync(folder).map((file): [string, z.output<typeof golden>] => [
  file.replace('.yaml', ''),
  golden.parse(parse(readFileSync(join(folder, file), 'utf8'))),
]);

describe('recipes', () => {
  it('all have golden rows', () => {
    expect(families.map(([name]) => name).sort()).toEqual(readRecipes().list.map(({ name }) => name));
    expect(families.length).toBeGreaterThan(30);
  });

  describe.each(families)('%s', (recipe, rows) => {
    it.each(rows)('$row', ({ row, text, reason }) => {
      // The fields alone identify the recipe, and all text that is not known metadata is used.
      expect(exampleText(row)).toEqual(reason === undefined ? { text, recipe, unused: [] } : { reason });
      // Naming the recipe gives the same result.
      expect(exampleText(row, { recipe })).toEqual(exampleText(row));
    });

    it('has a row for each of its shapes', () => {
      const { shapes = [] } = readRecipes().list.find(({ name }) => name === recipe) ?? {};
      for (const [at, shape] of shapes.entries()) {
        const fits = rows.filter(
          ({ row, text }) => text !== undefined && findShape(row, readRecipes().list)?.shape === shape,
        );
        expect([at, fits.length > 0]).toEqual([at, true]);
      }
    });
  });

  it('are defined by their files: another file is another recipe, and a change changes the fingerprint', async () => {
    await withFolder(async (own) => {
      const load = async (recipe: string): Promise<Recipes> => {
        await writeFile(join(own, 'mine.yaml'), recipe);
        return loadRecipes(own);
      };
      const recipe = 'about: Mine\nshapes: [{fields: [q, a.b], text: "{q} {a.b}"}]';
      const first = await load(recipe);
      expect(findShape({ q: 'Which?', a: { b: 'rye' } }, first.list)?.name).toBe('mine');
      expect(findShape({ q: 'Which?', a: 'rye' }, first.list)).toBeUndefined();
      expect((await load(`# A remark.\n${recipe}`)).fingerprint).toBe(first.fingerprint);
      expect((await load(recipe.replace('{q} {a.b}', '{q}: {a.b}'))).fingerprint).not.toBe(first.fingerprint);
      await expect(load('about: x\nshapes: [{fields: ["a["], text: "{b"}]')).rejects.toThrow(
        /recipe mine:[^]*unmatched[^]*"a\[" has an unclosed "\["/,
      );
      await expect(load('about: x\nshapes: [{fields: [a], text: "{a}", anwser: b}]')).rejects.toThrow(
        /anwser/,
      );
    });
  });
});
