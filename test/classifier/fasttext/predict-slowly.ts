// The definition of a fastText model's features, in simple, slow code. The fast loop (predict.as.ts) must
// agree with this file bit by bit, and this file with the fasttext program.
//
// Tokens are separated by spaces, tabs, line feeds, carriage returns, vertical tabs, form feeds and NULs
// (bytes; no other space separates). A text is one line: line feeds separate like spaces. It ends with the
// token "</s>", or earlier at the first "</s>" in it. Tokens that are labels of the model, or unknown and
// start with "__label__", are skipped. Every other token is a word:
// - a word in the dictionary gives its row;
// - every word but "</s>" gives, with maxn > 0, a row for each run of minn to maxn characters of "<word>"
//   (except "<" and ">" alone);
// - every run of 2 to wordNgrams words, known or not, gives a row.
// N-grams have rows by hash; in a pruned model many have none. The hidden vector is the mean of all the rows.

import type { FasttextModel } from '../../../classifier/fasttext/model-file.ts';

export interface SlowReader {
  /** The rows of a text, in fastText's order. */
  listRows(text: Uint8Array): number[];
  /** Their mean, in float32 and in fastText's order; undefined without rows. */
  hiddenOf(text: Uint8Array): Float32Array | undefined;
}

const { fround } = Math;

/** Reads the whole model into plain structures. */
export function openSlowReader(model: FasttextModel): SlowReader {
  const { args, words } = model;
  const names = [...model.entries.ends].map((end, i) =>
    model.entries.bytes.toString('latin1', model.entries.ends[i - 1] ?? 0, end),
  );
  const dictionary = new Map(names.map((name, entry) => [name, entry]));
  const vectors: Float32Array[] = [];
  model.input.eachBlock(model.input.rows, (_first, values, norms) => {
    for (let row = 0; row < values.length / args.dim; row++)
      vectors.push(
        values
          .slice(row * args.dim, (row + 1) * args.dim)
          .map((value) => fround(value * (norms?.[row] ?? 1))),
      );
  });
  const ngramRow = (hash: bigint): number[] => {
    const bucket = Number(hash % BigInt(args.bucket));
    const row = model.bucketRows === undefined ? bucket : (model.bucketRows[bucket] ?? -1);
    return row < 0 ? [] : [words + row];
  };
  const listRows = (text: Uint8Array): number[] => {
    const tokens = splitTokens(text).filter((token) => {
      const entry = dictionary.get(token);
      return entry === undefined ? !token.startsWith('__label__') : entry < words;
    });
    const single = tokens.flatMap((token) => {
      const entry = dictionary.get(token);
      return [
        ...(entry === undefined ? [] : [entry]),
        ...(args.maxn > 0 && token !== '</s>'
          ? listCharacterNgrams(`<${token}>`, args).flatMap((ngram) => ngramRow(BigInt(hashOf(ngram))))
          : []),
      ];
    });
    const hashes = tokens.map((token) => BigInt(hashOf(token) | 0));
    const runs = hashes.flatMap((_, from) => {
      const rows: number[][] = [];
      let hash = hashes[from] ?? 0n;
      for (let next = from + 1; next < Math.min(hashes.length, from + args.wordNgrams); next++) {
        hash = BigInt.asUintN(64, hash * 116049371n + (hashes[next] ?? 0n));
        rows.push(ngramRow(hash));
      }
      return rows.flat();
    });
    return [...single, ...runs];
  };
  return {
    listRows,
    hiddenOf(text) {
      const rows = listRows(text);
      if (rows.length === 0) return undefined;
      const sum = new Float32Array(args.dim);
      for (const row of rows)
        for (let d = 0; d < args.dim; d++) sum[d] = (sum[d] ?? 0) + (vectors[row]?.[d] ?? 0);
      return sum.map((value) => fround(value * fround(1 / rows.length)));
    },
  };
}

/** The tokens of a text, one character per byte; the last is "</s>". */
function splitTokens(text: Uint8Array): string[] {
  const tokens = Buffer.from(text)
    .toString('latin1')
    .split(/[ \t\n\r\v\f\0]+/)
    .filter((token) => token !== '');
  const end = tokens.indexOf('</s>');
  return [...(end < 0 ? tokens : tokens.slice(0, end)), '</s>'];
}

function listCharacterNgrams(word: string, { minn, maxn }: FasttextModel['args']): string[] {
  // A character is a byte and the continuation bytes after it.
  const characters = word.match(/[^][\x80-\xbf]*/g) ?? [];
  return characters.flatMap((_, from) =>
    Array.from({ length: maxn }, (_unused, i) => i + 1)
      .filter(
        (n) =>
          n >= minn &&
          from + n <= characters.length &&
          !(n === 1 && (from === 0 || from === characters.length - 1)),
      )
      .map((n) => characters.slice(from, from + n).join('')),
  );
}

/** FNV-1a over the bytes as signed numbers. */
function hashOf(bytes: string): number {
  let hash = 2166136261;
  for (const byte of Buffer.from(bytes, 'latin1')) hash = Math.imul(hash ^ ((byte << 24) >> 24), 16777619);
  return hash >>> 0;
}
