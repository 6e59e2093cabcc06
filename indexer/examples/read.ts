// Turns every row of the benchmark files into a text: by the benchmark's template, by the matching recipe, or
// by the general rules.

import type { ListedFile } from '../../data/documents.ts';
import { fail } from '../../run/errors/errors.ts';
import { idIn, type Row } from '../../run/fields/field-path.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readRows } from '../../data/rows/rows.ts';
import type { Settings } from '../../run/settings.ts';
import { fillTemplate, parseTemplate } from '../../run/fields/template.ts';
import { applyShape } from './apply.ts';
import { applyGeneralRules } from './general.ts';
import { generalRules } from './general-fields.ts';
import { questionText } from './general-question.ts';
import type { Made, Outcome, Refused } from './outcome.ts';
import { findShape, readRecipes } from './recipes.ts';
import { settleAll } from './settle.ts';

/** How a benchmark's rows become texts; without a template or recipe, each row's fields decide. */
export type Rules = Partial<Pick<Settings['benchmarks'][number], 'name' | 'template' | 'recipe'>>;

/** The name of a benchmark's own template in lists of recipes. */
const templateName = 'template';

/** Names a recipe in a sentence. */
export function nameRecipe(recipe: string): string {
  return recipe === templateName
    ? 'the template'
    : recipe === generalRules
      ? 'the general rules'
      : `recipe ${recipe}`;
}

export interface ExampleRow {
  file: ListedFile;
  position: number;
  /** The row's id, or file#row if it has none. */
  id: string;
  result: Made | Refused;
  /** The question alone, for a refused row. */
  question: string | undefined;
  /** The name of the benchmark or subset that the row states. */
  benchmark: string | undefined;
}

export interface ExampleRows {
  rows: ExampleRow[];
  /** All field names in the rows. */
  fields: ReadonlySet<string>;
}

/**
 * Reads all rows of a benchmark's files; sometimes only all of them together show which choice is correct.
 * Rows that cannot be parsed are quarantined; rows without a text are returned with the reason. Errors:
 * RECIPE_UNKNOWN, those of `readRows`.
 */
export async function readExampleRows(
  files: readonly ListedFile[],
  rules: Rules,
  quarantine: Quarantine,
): Promise<ExampleRows> {
  const makeText = openRules(rules);
  const found: Omit<ExampleRow, 'result'>[] = [];
  const outcomes: Outcome[] = [];
  const fields = new Set<string>();
  for (const file of files) {
    for await (const { position, row } of readRows(file.path, quarantine, file.name)) {
      for (const field of Object.keys(row)) fields.add(field);
      const outcome = makeText(row);
      outcomes.push(outcome);
      const { benchmark } = row;
      found.push({
        file,
        position,
        id: idIn(row['id']) ?? `${file.name}#${position}`,
        question: 'text' in outcome ? undefined : questionText(row),
        benchmark: typeof benchmark === 'string' && benchmark !== '' ? benchmark : undefined,
      });
    }
  }
  const results = settleAll(outcomes);
  return {
    rows: found.flatMap((row, at) => (results[at] === undefined ? [] : [{ ...row, result: results[at] }])),
    fields,
  };
}

/** Turns a row into a text, as far as that is possible from the row alone. Errors: RECIPE_UNKNOWN. */
export function openRules({ name = '', template: text, recipe }: Rules): (row: Row) => Outcome {
  if (text !== undefined) {
    const template = parseTemplate(text);
    return (row) => {
      const filled =
        typeof template === 'string' ? { reason: `the template ${template}` } : fillTemplate(row, template);
      return 'reason' in filled
        ? { reason: `${filled.reason} (for the template)` }
        : { text: filled.value, recipe: templateName, unused: [] };
    };
  }
  if (recipe === generalRules) return applyGeneralRules;
  const { list } = readRecipes();
  const own = recipe === undefined ? list : list.filter((one) => one.name === recipe);
  if (own.length === 0)
    throw fail('RECIPE_UNKNOWN', {
      benchmark: name,
      got: recipe ?? '',
      known: [...list.map((one) => one.name), generalRules].join(', '),
    });
  const wanted = own
    .flatMap(({ shapes }) => shapes)
    .map(({ fields }) => fields.map(({ path }) => path).join(', '))
    .join('; or ');
  return (row) => {
    const shape = findShape(row, own);
    if (shape !== undefined) return applyShape(row, shape.shape, shape.name);
    return recipe === undefined
      ? applyGeneralRules(row)
      : { reason: `it lacks the fields of recipe "${recipe}" (${wanted})` };
  };
}
