// Fields by name, as the corpus's settings have them: a key of the row, or keys from the outermost object to
// the innermost with dots between. Keys may have dots themselves. Columns of Parquet are found by the same
// rule (data/parquet/columns.ts). Recipes and templates have a richer language (recipe-path.ts).

export type Row = Readonly<Record<string, unknown>>;

/**
 * The keys that lead to a field; undefined where the row does not have it. In every object the longest key
 * that fits goes first, so the key "a.b" before b in a.
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

/** The ways to read a name as a key and a name inside of that, the longest key first. */
export function* splitName(name: string): Generator<[key: string, rest: string]> {
  for (let dot = name.lastIndexOf('.', name.length - 2); dot > 0; dot = name.lastIndexOf('.', dot - 1))
    yield [name.slice(0, dot), name.slice(dot + 1)];
}

/** A field's value; undefined where the row does not have it. */
export function valueOf(row: Row, name: string): unknown {
  const keys = findKeys(row, name);
  return keys?.reduce<unknown>((object, key) => (isRow(object) ? object[key] : undefined), row);
}

/** The row with another value of a field that it has; `undefined` takes the field away. */
export function withValue(row: Row, name: string, value: unknown): Row {
  const keys = findKeys(row, name);
  return keys === undefined ? row : replaceAt(row, keys, value);
}

function replaceAt(row: Row, [key = '', ...inner]: readonly string[], value: unknown): Row {
  const object = row[key];
  return { ...row, [key]: inner.length === 0 || !isRow(object) ? value : replaceAt(object, inner, value) };
}

/**
 * The id in a value: a number, or a text that is not empty; undefined in any other. A row without one is
 * known by its file and place.
 */
export function idIn(value: unknown): string | undefined {
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? String(value) : undefined;
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
