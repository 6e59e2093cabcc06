// Spoils files: a few seeded changes each, of the kinds that disks, networks and people make.

const interesting = [
  '\0',
  '\n',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ',',
  ':',
  '\xff',
  '\xc3',
  '\xed\xa0\x80',
  '\\ud800',
  '1e999',
  '-1',
  'null',
  '18446744073709551616',
  '\xff\xff\xff\x7f',
  '\x80'.repeat(9),
];

/** The bytes with one to four changes; `other` is a file to take pieces from. */
export function mutateBytes(bytes: Buffer, other: Buffer, random: () => number): Buffer {
  let changed = bytes;
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--)
    changed = mutateOnce(changed, other, random);
  return changed;
}

function mutateOnce(bytes: Buffer, other: Buffer, random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  const at = below(bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + below(random() < 0.8 ? 16 : bytes.length));
  const splice = (middle: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(end)]);
  switch (below(9)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return bytes.subarray(at);
    case 2:
      return splice(Buffer.alloc(0));
    case 3:
      return splice(Buffer.alloc(end - at));
    case 4:
      return splice(Buffer.from(Array.from({ length: end - at }, () => below(256))));
    case 5:
      return splice(Buffer.from(interesting[below(interesting.length)] ?? '', 'latin1'));
    case 6:
      return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    case 7: {
      const from = below(other.length);
      return splice(other.subarray(from, from + end - at));
    }
    default: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << below(8));
      return flipped;
    }
  }
}

const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e300,
  Number.MAX_SAFE_INTEGER,
  '',
  'x',
  '\0',
  '../../etc/passwd',
  'y'.repeat(10_000),
  [],
  {},
  [null],
  { a: 1 },
];

/** The JSON with one value, somewhere in it, replaced, removed or repeated. */
export function mutateJson(text: string, random: () => number): string {
  const root: unknown = JSON.parse(text);
  const places: (() => void)[] = [];
  const below = (limit: number): number => Math.floor(random() * limit);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push(
        () => Reflect.set(value, key, values[below(values.length)]),
        () => (Array.isArray(value) ? value.splice(Number(key), 1) : Reflect.deleteProperty(value, key)),
        () =>
          Array.isArray(value)
            ? value.push(Reflect.get(value, key))
            : Reflect.set(value, `${key}2`, Reflect.get(value, key)),
      );
      visit(Reflect.get(value, key));
    }
  };
  visit(root);
  places[below(places.length)]?.();
  return JSON.stringify(root);
}
