// Finds the columns of log probabilities that the settings describe, such as m{model}_c{checkpoint}_chosen.

import type { LogProbabilityColumns } from '../run/pair-settings.ts';

/** A column of a template, with the model and checkpoint in its name. */
export interface ColumnPlace {
  model: string | undefined;
  checkpoint: string | undefined;
}

const patterns = new Map<string, RegExp>();

/** Where a column stands among those of a template; undefined if it is none of them. */
export function placeOf(template: string, column: string): ColumnPlace | undefined {
  let pattern = patterns.get(template);
  if (pattern === undefined) {
    const parts = template
      .split(/(\{model\}|\{checkpoint\})/)
      .map((part) =>
        part === '{model}'
          ? '(?<model>.+?)'
          : part === '{checkpoint}'
            ? '(?<checkpoint>.+?)'
            : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
      );
    pattern = new RegExp(`^${parts.join('')}$`, 's');
    patterns.set(template, pattern);
  }
  const found = pattern.exec(column);
  return found === null
    ? undefined
    : { model: found.groups?.['model'], checkpoint: found.groups?.['checkpoint'] };
}

/** Those of the names that are columns of log probabilities. */
export function matchColumns(columns: LogProbabilityColumns, names: readonly string[]): string[] {
  const templates = Object.values(columns).filter((template) => typeof template === 'string');
  return names.filter((name) => templates.some((template) => placeOf(template, name) !== undefined));
}
