// Detects by its first bytes that a file is not what its name says: an HTML page that a server sent, a Git
// LFS pointer, another compression, or one JSON document instead of JSON Lines. A first line that is only an
// invalid row does not count.

import type { ShardFormat } from '../documents.ts';

/** How many bytes from a file's start are checked. */
export const lookBytes = 1 << 16;

const formatNames: Readonly<Record<ShardFormat, string>> = {
  jsonl: 'JSON Lines',
  'jsonl.gz': 'gzip',
  'jsonl.zst': 'Zstandard',
  parquet: 'Parquet',
};

/** A kind of file, the bytes it starts with (`undefined` matches any byte), and what to do about it. */
interface Kind {
  name: string;
  starts: readonly (readonly (number | undefined)[])[];
  format?: ShardFormat;
  advice: string;
}

const bytesOf = (text: string): number[] => [...Buffer.from(text, 'latin1')];
const rename = (ending: string): string => `rename it so that it ends in ${ending}`;

const kinds: readonly Kind[] = [
  { name: 'gzip data', starts: [[0x1f, 0x8b, 8]], format: 'jsonl.gz', advice: rename('.jsonl.gz') },
  {
    name: 'Zstandard data',
    starts: [
      [0x28, 0xb5, 0x2f, 0xfd],
      [undefined, 0x2a, 0x4d, 0x18],
    ],
    format: 'jsonl.zst',
    advice: rename('.jsonl.zst'),
  },
  { name: 'a Parquet file', starts: [bytesOf('PAR1')], format: 'parquet', advice: rename('.parquet') },
  {
    name: 'a ZIP archive',
    starts: [bytesOf('PK\x03\x04'), bytesOf('PK\x05\x06')],
    advice: 'unpack it (unzip)',
  },
  {
    name: 'bzip2 data',
    starts: ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((level) => bytesOf(`BZh${level}1AY&SY`)),
    advice: 'decompress it (bunzip2)',
  },
  { name: 'xz data', starts: [[0xfd, ...bytesOf('7zXZ'), 0]], advice: 'decompress it (xz -d)' },
  { name: 'LZ4 data', starts: [[0x04, 0x22, 0x4d, 0x18]], advice: 'decompress it (lz4 -d)' },
  {
    name: 'a 7-Zip archive',
    starts: [[...bytesOf('7z'), 0xbc, 0xaf, 0x27, 0x1c]],
    advice: 'unpack it (7z x)',
  },
  { name: 'an Arrow file', starts: [bytesOf('ARROW1')], advice: 'convert it to Parquet' },
  { name: 'a PDF document', starts: [bytesOf('%PDF-')], advice: 'use a file of documents instead' },
  {
    name: 'a Git LFS pointer',
    starts: [bytesOf('version https://git-lfs.github.com/spec/')],
    advice: 'fetch the file that it points to (git lfs pull)',
  },
  {
    name: 'a git-annex pointer',
    starts: [bytesOf('/annex/objects/')],
    advice: 'fetch the file that it points to (git annex get)',
  },
  {
    name: 'UTF-16 text',
    starts: [
      [0xff, 0xfe],
      [0xfe, 0xff],
      [0x7b, 0, 0x22, 0],
      [0, 0x7b, 0, 0x22],
    ],
    advice: 'convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)',
  },
];

const tarMagicAt = 257;

/**
 * What the file is and what to do about it, if its first bytes show that it is not of its format; otherwise
 * undefined. `isInside`: the bytes are the content of a compressed file.
 */
export function foreignKind(start: Uint8Array, format: ShardFormat, isInside = false): string | undefined {
  const say = (name: string, advice: string): string =>
    `${isInside ? 'its decompressed content' : 'it'} is ${name}, ` +
    `not ${formatNames[format]} as its name says: ${advice}`;
  const kind = kinds.find(({ starts }) =>
    starts.some((bytes) =>
      bytes.every((byte, at) => (byte === undefined ? start.length > at : start[at] === byte)),
    ),
  );
  if (kind !== undefined)
    return kind.format === format
      ? undefined
      : say(kind.name, isInside && kind.format !== undefined ? 'decompress it' : kind.advice);
  // The link name before the magic is padded with zeros, which text does not contain.
  if (
    start[tarMagicAt - 1] === 0 &&
    Buffer.from(start.subarray(tarMagicAt, tarMagicAt + 5)).toString('latin1') === 'ustar'
  )
    return say('a tar archive', 'unpack it (tar -x)');
  const text = visibleStart(start);
  if (/^<(!doctype html|html|head|body)\b/i.test(text))
    return say(
      'an HTML page',
      'a server may have sent it instead of the file, for example as a login page; fetch the file again',
    );
  if (/^<(\?xml|error>)/i.test(text))
    return say('XML', 'a server may have sent it instead of the file; fetch the file again');
  if (format !== 'jsonl' && /^\{\s*"/.test(text)) return say('plain text (JSON)', rename('.jsonl'));
  return undefined;
}

/**
 * Describes text that is one JSON array, or objects over several lines, instead of JSON Lines; undefined if
 * it is not certain. `isWhole`: `start` is the whole text.
 */
export function jsonDocumentKind(start: Uint8Array, isWhole: boolean): string | undefined {
  const text = visibleStart(start);
  if (text[0] !== '[' && text[0] !== '{') return undefined;
  const { end, isValid } = scanValue(text);
  if (!isValid) return undefined;
  const spansLines = /\n/.test(text.slice(0, end ?? text.length).trimEnd());
  if (text[0] === '{')
    return spansLines
      ? 'its JSON objects span several lines, but JSON Lines needs one on each line: convert it (jq -c . FILE)'
      : undefined;
  // An array on the first of several lines is an invalid row.
  const isOnlyLine = end === undefined ? !/\n/.test(text) : isWhole && text.slice(end).trim() === '';
  return spansLines || isOnlyLine
    ? "it is one JSON array, but JSON Lines needs one object on each line: convert it (jq -c '.[]' FILE)"
    : undefined;
}

/** The text from its first visible character. */
function visibleStart(start: Uint8Array): string {
  return Buffer.from(start.buffer, start.byteOffset, start.byteLength)
    .toString('utf8')
    .replace(/^\ufeff?\s*/, '');
}

const space = /[ \t\r\n]*/y;
const string = /"[^"\\\0-\x1f]*(?:\\.[^"\\\0-\x1f]*)*"/y;
const openString = /"[^"\\\0-\x1f]*(?:\\.[^"\\\0-\x1f]*)*\\?$/y;
const scalar = /-?\d[\d.eE+-]*|true|false|null/y;
const openScalar = /-?[\d.eE+-]*$|t(r(ue?)?)?$|f(a(l(se?)?)?)?$|n(u(ll?)?)?$/y;

/** Whether a text starts like a JSON value, and where the value ends; undefined if the text ends first. */
function scanValue(text: string): { end: number | undefined; isValid: boolean } {
  const open: string[] = [];
  let at = 0;
  let expected: 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' = 'value';
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  for (;;) {
    match(space);
    const character = text[at];
    if (character === undefined) return { end: undefined, isValid: true };
    const isEnd =
      (character === ']' || character === '}') && expected.endsWith('end') && open.at(-1) === character;
    if (isEnd) {
      at++;
      open.pop();
      if (open.length === 0) return { end: at, isValid: true };
      expected = 'comma or end';
    } else if (expected.startsWith('key') || (expected.startsWith('value') && character === '"')) {
      if (!match(string)) return { end: undefined, isValid: match(openString) };
      expected = expected.startsWith('key') ? 'colon' : 'comma or end';
    } else if (expected.startsWith('value')) {
      if (character === '[' || character === '{') {
        at++;
        open.push(character === '[' ? ']' : '}');
        expected = character === '[' ? 'value or end' : 'key or end';
      } else if (match(scalar)) expected = 'comma or end';
      else return { end: undefined, isValid: match(openScalar) };
    } else if (character === (expected === 'colon' ? ':' : ',')) {
      at++;
      expected = expected === 'colon' || open.at(-1) === ']' ? 'value' : 'key';
    } else return { end: undefined, isValid: false };
  }
}
