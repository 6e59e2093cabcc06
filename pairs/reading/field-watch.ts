// Notices which fields the rows have, so that a mistyped name in the settings is an error and not a lack of values.

import { sortByNearness } from '../../data/rows/nearest-names.ts';
import { fail } from '../../run/errors/errors.ts';
import { type Row, valueOf } from '../../run/fields/field-path.ts';
import type { PairsSettings } from '../../run/pair-settings.ts';
import { placeOf } from '../columns.ts';

const rowsNamed = 1000;
const namesListed = 200;
const namesShown = 20;

/** A name in the settings that no row has had yet. */
interface Missing {
  setting: string;
  field: string;
  isIn: (row: Row) => boolean;
}

export class FieldWatch {
  readonly #names = new Set<string>();
  #rows = 0;
  #missing: Missing[];

  constructor({ fields, logProbabilities }: PairsSettings) {
    const named = (names: object, setting: string, isIn: (field: string) => Missing['isIn']): Missing[] =>
      Object.entries(names).flatMap(([key, field]: [string, unknown]) =>
        typeof field === 'string' ? [{ setting: `${setting}.${key}`, field, isIn: isIn(field) }] : [],
      );
    this.#missing = [
      ...named(fields, 'fields', (field) => (row) => valueOf(row, field) !== undefined),
      ...named(
        logProbabilities ?? {},
        'logProbabilities',
        (template) => (row) => Object.keys(row).some((name) => placeOf(template, name) !== undefined),
      ),
    ];
  }

  see(row: Row): void {
    if (this.#missing.length > 0) this.#missing = this.#missing.filter(({ isIn }) => !isIn(row));
    if (this.#rows++ >= rowsNamed) return;
    for (const name of Object.keys(row)) if (this.#names.size < namesListed) this.#names.add(name);
  }

  /** Names of fields in the first rows. */
  get names(): string[] {
    return [...this.#names];
  }

  get missing(): readonly Missing[] {
    return this.#missing;
  }
}

/** Errors: PAIRS_FIELD_MISSING. */
export function checkFields({ missing: [first], names }: FieldWatch, { name }: PairsSettings): void {
  // Without any row, nothing can be checked.
  if (first === undefined || names.length === 0) return;
  throw fail('PAIRS_FIELD_MISSING', {
    set: name,
    field: first.field,
    setting: first.setting,
    found: sortByNearness(names, first.field).slice(0, namesShown),
  });
}
