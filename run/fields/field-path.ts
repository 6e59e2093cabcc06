// Finds a field by the name in corpus.fields: a key of the row, or keys from the outermost object to the
// innermost, separated by dots. Keys may contain dots. Parquet columns follow the same rule
// (data/parquet/columns.ts). Recipes and templates have a richer syntax (recipe-path.ts).

export type Row = Readonly<Record<string, unknown>>;

/**
 * The keys that lead to a field; undefined if the row lacks it. In every object the longest matching key is
 * tried first, so the key "a.b" before b in a.
 */
export function findKeys(row: Row, name: string): string[] | undefined {
  if (Object.hasOwn(row, name)) return [name];
  for (const [key, rest] of splitName(name)) {
    const object = Object.hasOwn(row, key) ? row[key] : undefined;
    const inner = isRow(object) ? findKeys(object, rest) : undefined;
    if (inner !== undefined) return [key, ...inner];
  }
  return undefined;
}

/** The ways to split a name into a key and a name inside that key, the longest key first. */
export function* splitName(name: string): Generator<[key: string, rest: string]> {
  for (let dot = name.lastIndexOf('.', name.length - 2); dot > 0; dot = name.lastIndexOf('.', dot - 1))
    yield [name.slice(0, dot), name.slice(dot + 1)];
}

/** A field's value; undefined if the row lacks it. */
export function valueOf(row: Row, name: string): unknown {
  const keys = findKeys(row, name);
  return keys?.reduce<unknown>((object, key) => (isRow(object) ? object[key] : undefined), row);
}

/** The row with an existing field changed; `undefined` removes the field. */
export function withValue(row: Row, name: string, value: unknown): Row {
  const keys = findKeys(row, name);
  return keys === undefined ? row : replaceAt(row, keys, value);
}

function replaceAt(row: Row, [key = '', ...inner]: readonly string[], value: unknown): Row {
  const object = row[key];
  return { ...row, [key]: inner.length === 0 || !isRow(object) ? value : replaceAt(object, inner, value) };
}

/**
 * The id in a value: a number or a non-empty string; undefined otherwise. A row without an id is identified
 * by its file and position.
 */
export function idIn(value: unknown): string | undefined {
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? String(value) : undefined;
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
