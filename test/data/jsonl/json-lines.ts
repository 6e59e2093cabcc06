// Arbitrary JSON Lines for property tests: ordinary and odd lines.

import fc from 'fast-check';

/** One character of a string as JSON may have it: itself, a short escape, or \uXXXX in either case. */
const character = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .constantFrom('a', 'B', ' ', '.', '7', '/', 'é', '漢', '🦉', '\u2028', '\u007f')
      .map((raw) => raw),
  },
  { weight: 2, arbitrary: fc.constantFrom('\\n', '\\t', '\\r', '\\b', '\\f', '\\"', '\\\\', '\\/') },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: 0, max: 0xffff })
      .chain((unit) =>
        fc.constantFrom(
          `\\u${unit.toString(16).padStart(4, '0')}`,
          `\\u${unit.toString(16).padStart(4, '0').toUpperCase()}`,
        ),
      ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '\\ud83e\\udd89',
      '\\ud800',
      '\\udc00',
      '\\ud800\\ud800',
      '\\udc00\\ud800',
      '\\u0000',
      '\\u0020',
    ),
  },
);
const string = fc.array(character, { maxLength: 20 }).map((parts) => `"${parts.join('')}"`);
const count = fc.constantFrom('0', '-0', '1', '17', '1e3', '1E+2', '5.0', '9007199254740991');
const number = fc.oneof(
  { weight: 12, arbitrary: count },
  { weight: 4, arbitrary: fc.constantFrom('-3', '2.5', '1e-2', '1e400') },
  { weight: 1, arbitrary: fc.constantFrom('01', '1.', '-', '.5') },
);
const space = fc.constantFrom('', '', '', ' ', '\t', '\r', '  ');

const anyValue = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    string,
    number,
    fc.constantFrom(
      'null',
      'true',
      'false',
      'nul',
      'NaN',
      'Infinity',
      '-Infinity',
      'NaNa',
      '-NaN',
      'Infinit',
      '{}',
      '[]',
      '{"a"}',
      '[1,]',
    ),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(string, tie('value')), { maxLength: 3 })
      .map((pairs) => `{${pairs.map(([key, value]) => `${key}:${value}`).join(', ')}}`),
  ),
})).value;

/** A key of interest, sometimes with an escape in it, or any other. */
const key = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('"id"', '"text"', '"source"', '"tokens"', '"meta"') },
  { weight: 2, arbitrary: fc.constantFrom('"meta.text"', '"meta.id"', '"meta.in.id"', '"meta.in"', '"nan"') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"\\u0074ext"', '"i\\u0064"', '"te\\u0078t"', '"met\\u0061"', '""', '"text "'),
  },
  { weight: 1, arbitrary: string },
);
/** An object with fields that are looked for inside others, and some that are not. */
const objectOf = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .array(
      fc.tuple(fc.constantFrom('"text"', '"id"', '"tokens"', '"in"', '"in.id"', '"\\u0069d"', '"x"'), value),
      { maxLength: 3 },
    )
    .map((pairs) => `{${pairs.map(([key, inner]) => `${key} : ${inner}`).join(',')}}`);
const valueFor = (name: string): fc.Arbitrary<string> => {
  if (name === '"text"')
    return fc.oneof({ weight: 16, arbitrary: string }, { weight: 1, arbitrary: anyValue });
  if (name === '"tokens"')
    return fc.oneof(
      { weight: 16, arbitrary: count },
      { weight: 2, arbitrary: fc.constant('null') },
      { weight: 2, arbitrary: number },
      { weight: 1, arbitrary: anyValue },
    );
  if (name === '"nan"')
    return fc.constantFrom('NaN', '[1,-Infinity]', '{"a":Infinity}', '" NaN \\" Infinity"');
  if (name.startsWith('"meta'))
    return fc.oneof(
      { weight: 6, arbitrary: objectOf(fc.oneof(string, number, objectOf(fc.oneof(string, number)))) },
      { weight: 1, arbitrary: anyValue },
      { weight: 1, arbitrary: string },
    );
  return fc.oneof(
    { weight: 8, arbitrary: string },
    { weight: 4, arbitrary: number },
    { weight: 1, arbitrary: anyValue },
  );
};
const pair = key.chain((name) =>
  fc
    .tuple(fc.constant(name), valueFor(name), space, space)
    .map(([name, value, before, after]) => `${before}${name}${after}:${before}${value}${after}`),
);
const textPair = string.map((value) => `"text":${value}`);

const object = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.array(pair, { maxLength: 4 }), textPair, fc.array(pair, { maxLength: 2 }), space)
      .map(([first, text, last, end]) => `{${[...first, text, ...last].join(',')}}${end}`),
  },
  { weight: 1, arbitrary: fc.array(pair, { maxLength: 5 }).map((pairs) => `{${pairs.join(',')}}`) },
);

/** A line's bytes: an object, broken at some place, something else, or nothing. */
const line: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 8, arbitrary: object.map((json) => Buffer.from(json)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(object, fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('cut', 'change', 'insert'))
      .map(([json, at, byte, how]) => breakAt(Buffer.from(json), at, byte, how)),
  },
  { weight: 1, arbitrary: anyValue.map((json) => Buffer.from(json)) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        '',
        ' ',
        '\t\r',
        '{',
        '}',
        '{}',
        '\u0000',
        '\ufeff{"text":"mark"}',
        `${'['.repeat(70)}${']'.repeat(70)}`,
        `{"text":"deep","x":${'['.repeat(70)}${']'.repeat(70)}}`,
      )
      .map((text) => Buffer.from(text)),
  },
);

function breakAt(bytes: Buffer, at: number, byte: number, how: string): Buffer {
  const place = at % (bytes.length + 1);
  // A line feed would make two lines, which the whole file has enough of.
  const other = byte === 0x0a ? 0x22 : byte;
  if (how === 'cut') return bytes.subarray(0, place);
  return Buffer.concat([
    bytes.subarray(0, place),
    Buffer.of(other),
    bytes.subarray(how === 'insert' ? place : place + 1),
  ]);
}

/**
 * A whole file: lines, ended by either kind of line end, the last perhaps not at all; sometimes with a
 * byte-order mark.
 */
export const anyFile: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.boolean(),
    fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 12 }),
    fc.boolean(),
  )
  .map(([mark, lines, ended]) => {
    const parts = lines.flatMap(([bytes, end], i) => [
      bytes,
      Buffer.from(ended || i < lines.length - 1 ? end : ''),
    ]);
    return Buffer.concat([Buffer.from(mark ? '\ufeff' : ''), ...parts]);
  });
