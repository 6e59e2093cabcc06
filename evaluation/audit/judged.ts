// The documents of an audit with what people said of them.

import type { Audit, Drawn } from './audit.ts';
import type { Decision } from './decisions.ts';

export interface Judged extends Drawn {
  /** Share of yes among its answers yes and no; undefined if there is none. */
  yes: number | undefined;
  answers: readonly Decision[];
}

/** `last`: each person's last answers. */
export function judge({ drawn }: Audit, last: readonly Decision[]): Judged[] {
  const byId = groupBy(last, ({ id }) => id);
  return drawn.map((document) => {
    const answers = byId.get(document.id) ?? [];
    const decisive = answers.filter(({ answer }) => answer !== 'cannot tell');
    const yes = decisive.filter(({ answer }) => answer === 'yes').length;
    return { ...document, answers, yes: decisive.length === 0 ? undefined : yes / decisive.length };
  });
}

/** A document with a yes or no, and how many documents of the ranking it stands for. */
export interface Weighted {
  document: Judged;
  yes: number;
  weight: number;
}

/** The documents with a yes or no. In equal parts, those of a slice stand for all documents of the slice. */
export function weigh({ slices }: Audit, documents: readonly Judged[]): Weighted[] {
  const judged = documents.flatMap((document) =>
    document.yes === undefined ? [] : { document, yes: document.yes },
  );
  const inSlice = slices.map((_, at) => judged.filter(({ document }) => document.slice === at).length);
  return judged.map(({ document, yes }) => ({
    document,
    yes,
    weight: (slices[document.slice]?.documents ?? 0) / (inSlice[document.slice] ?? 1),
  }));
}

/** Map.groupBy, which Node 20 lacks. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
