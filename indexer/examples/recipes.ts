// Recipes: how the rows of published benchmarks become texts. Each recipe is a data file in recipes/ for one
// family of benchmarks, with a shape for every form in which it is published.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { productFolder } from '../../run/product-folder.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Row } from '../../run/fields/field-path.ts';
import { fieldsOf, parsePath, type Path, valueAt } from '../../run/fields/recipe-path.ts';
import { parseTemplate, templateFields } from '../../run/fields/template.ts';
import { fingerprint } from '../../run/run.ts';
import { conventions } from './choices.ts';

/** Increase this when the general rules produce different texts, so indexes read their examples again. */
const rulesVersion = 1;

const path = z.string().transform((text, context): Path => {
  const found = parsePath(text);
  if (typeof found !== 'string') return found;
  context.addIssue(found);
  return z.NEVER;
});

const template = z.string().transform((text, context) => {
  const found = parseTemplate(text);
  if (typeof found !== 'string') return found;
  context.addIssue(found);
  return z.NEVER;
});

/** Fields and the values that each may have, ignoring case. */
const conditions = z
  .array(z.strictObject({ field: path, is: z.array(z.union([z.string(), z.number(), z.boolean()])) }))
  .default([]);

const shapeSchema = z.strictObject({
  /** Fields that a row must have. */
  fields: z.array(path).min(1),
  /** Values that a row must have to match this shape. */
  where: conditions,
  /** Values without which a matching row is refused. */
  need: conditions,
  /**
   * Template of the text; {choice} is the correct choice, {filled} the sentence with the choice in its gap,
   * {turns} alternating questions and answers.
   */
  text: template,
  choose: z
    .strictObject({
      /** The field with the choices, or one field per choice. */
      from: z.union([path, z.array(path).min(2)]).optional(),
      /** The choices themselves, if rows do not have them. */
      texts: z.array(z.string()).min(2).optional(),
      /** The field with the labels of the choices, or the labels themselves. */
      labels: z.union([path, z.array(z.string())]).optional(),
      /** Remove labels that texts begin with, such as "A)". */
      withoutLabels: z.boolean().default(false),
      /** Fields that say which choice is correct (they must agree), and how they may say it. */
      gold: z.array(path).min(1).optional(),
      by: z.array(z.enum(conventions)).default([]),
      /** The field with 1 (or true) for the correct choice, and 0 for each of the others. */
      marks: path.optional(),
    })
    .optional(),
  /** The field with the answer; a letter alone is not an answer. */
  answer: path.optional(),
  /** The field with a gap ("_") for the correct choice. */
  gap: path.optional(),
  /** The fields with questions and their answers. */
  turns: z.tuple([path, path]).optional(),
  /** Fields with text that are left out on purpose; * matches anything. */
  unused: z.array(z.string()).default([]),
});
export type Shape = z.output<typeof shapeSchema>;

const recipeSchema = z.strictObject({ about: z.string(), shapes: z.array(shapeSchema).min(1) });

export interface Recipe extends z.output<typeof recipeSchema> {
  name: string;
}

export interface Recipes {
  list: readonly Recipe[];
  /** Changes with the recipes and the general rules. */
  fingerprint: string;
}

const recipesFolder = join(productFolder(), 'indexer', 'examples', 'recipes');

let known: Recipes | undefined;

/** All built-in recipes, by name. */
export function readRecipes(): Recipes {
  return (known ??= loadRecipes(recipesFolder));
}

/** The recipes in a folder. Errors: INTERNAL. */
export function loadRecipes(folder: string): Recipes {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort();
  const sources = files.map((name): [string, unknown] => [
    name.slice(0, -'.yaml'.length),
    parse(readFileSync(join(folder, name), 'utf8')),
  ]);
  return {
    list: sources.map(([name, source]) => parseRecipe(name, source)),
    fingerprint: fingerprint({ rulesVersion, sources }),
  };
}

function parseRecipe(name: string, source: unknown): Recipe {
  const result = recipeSchema.safeParse(source);
  if (!result.success) throw fail('INTERNAL', { reason: `recipe ${name}: ${z.prettifyError(result.error)}` });
  return { name, ...result.data };
}

/** The shape that matches a row; of several, the one with the most fields. */
export function findShape(row: Row, recipes: readonly Recipe[]): { name: string; shape: Shape } | undefined {
  let found: { name: string; shape: Shape } | undefined;
  for (const { name, shapes } of recipes) {
    for (const shape of shapes) {
      if (shape.fields.length > (found?.shape.fields.length ?? 0) && fits(row, shape))
        found = { name, shape };
    }
  }
  return found;
}

/** Whether a field of the row has one of the given values. */
export function holds(row: Row, { field, is }: Shape['where'][number]): boolean {
  const fold = (value: unknown): string => String(value).trim().toLowerCase();
  const at = valueAt(row, field);
  return 'value' in at && is.some((value) => fold(value) === fold(at.value));
}

/** Names of the row's fields that a shape reads. */
export function shapeFields({ fields, text, choose, gap, turns, answer }: Shape): string[] {
  const paths = [
    fields,
    choose?.from,
    Array.isArray(choose?.labels) ? [] : choose?.labels,
    choose?.gold,
    choose?.marks,
    gap,
    turns,
    answer,
  ]
    .flat()
    .filter((one) => one !== undefined);
  return [...paths.flatMap(fieldsOf), ...templateFields(text)];
}

function fits(row: Row, { fields, where }: Shape): boolean {
  return (
    fields.every((field) => 'value' in valueAt(row, field)) &&
    where.every((condition) => holds(row, condition))
  );
}
