// Reads a fastText model file (format version 12, supervised; plain or product-quantized). Layout of fastText
// 0.9.2: args, dictionary, input matrix, output matrix. Input rows are read in blocks, because a plain
// model's may be gigabytes. Inconsistent files give FASTTEXT_INVALID; lengths are checked against the size of
// the file.

import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { openCursor, openFileBytes, type Cursor, type FileBytes } from './file-bytes.ts';
import { type Matrix, readMatrix } from './matrix.ts';

const magic = 793_712_314;
const formatVersion = 12;
const losses = ['hs', 'ns', 'softmax', 'ova'] as const;
const supervised = 3;
const mostDimensions = 65_536;
const mostNgrams = 1024;

export interface FasttextArgs {
  dim: number;
  wordNgrams: number;
  loss: (typeof losses)[number];
  /** Rows for hashed n-grams, of words and of characters. */
  bucket: number;
  minn: number;
  maxn: number;
}

export interface FasttextModel {
  path: string;
  args: FasttextArgs;
  /**
   * All entries' bytes: `words` words, then the labels. Entry i is bytes[ends[i − 1] ?? 0, ends[i]).
   */
  entries: { bytes: Buffer; ends: Uint32Array };
  words: number;
  /** As in the file, including "__label__", with their counts in training. */
  labels: { name: string; count: number }[];
  /**
   * In a pruned model, the row (after those of the words) of each n-gram hash, −1 if it was pruned. Undefined
   * in other models, where the hash is the row.
   */
  bucketRows: Int32Array | undefined;
  /** args.dim floats per row: one row per word, then those of the n-grams. */
  input: Matrix;
  /** One row per label (hs: per inner node of the tree). */
  output: Matrix;
  close: () => void;
}

/**
 * Opens a model. The file stays open until `close`, because input rows are read later. Errors:
 * FILE_NOT_FOUND, FILE_UNREADABLE, FASTTEXT_INVALID.
 */
export function openModelFile(path: string): FasttextModel {
  const file = openFileBytes(path, 'The fastText model');
  try {
    return readModel(path, file);
  } catch (error) {
    file.close();
    throw error instanceof BetrError
      ? error
      : fail('FASTTEXT_INVALID', { path, problem: reasonOf(error) }, error);
  }
}

function readModel(path: string, file: FileBytes): FasttextModel {
  const cursor = openCursor(file);
  const args = readArgs(cursor);
  const { bytes, ends, words, labels, pruned, bucketRows } = readDictionary(cursor, args.bucket);
  const input = readMatrix(file, cursor, cursor.int8() !== 0, args.dim);
  if (pruned !== undefined && !input.quantized)
    throw new Error('it is pruned but not quantized, which fastText does not allow');
  const quantizedOutput = cursor.int8() !== 0;
  const output = readMatrix(file, cursor, input.quantized && quantizedOutput, args.dim);
  const rows = words + (pruned ?? (usesBuckets(args) ? args.bucket : 0));
  if (input.rows < rows)
    throw new Error(`it has ${input.rows} input rows, but its ${words} words and their n-grams need ${rows}`);
  // fastText uses 1e15 as the count of a tree node that is not built yet.
  if (labels.some(({ count }) => count < 0) || labels.reduce((sum, { count }) => sum + count, 0) >= 1e15)
    throw new Error('its label counts are negative or too large');
  if (output.rows < labels.length)
    throw new Error(`it has ${output.rows} output rows for ${labels.length} labels`);
  return {
    path,
    args,
    entries: { bytes, ends },
    words,
    labels,
    bucketRows,
    input,
    output,
    close: file.close,
  };
}

function readArgs(cursor: Cursor): FasttextArgs {
  if (cursor.int32() !== magic) throw new Error('it is not a fastText model file');
  const version = cursor.int32();
  if (version !== formatVersion) throw new Error(`its format version is ${version}`);
  const [dim = 0, , , , , wordNgrams = 0, loss = 0, model = 0, bucket = 0, minn = 0, maxn = 0] = Array.from(
    { length: 12 },
    () => cursor.int32(),
  );
  cursor.float64();
  if (model !== supervised) throw new Error('it contains word vectors, not a classifier');
  const lossName = losses[loss - 1];
  if (lossName === undefined) throw new Error(`its loss has the unknown number ${loss}`);
  if (dim < 1 || dim > mostDimensions) throw new Error(`it has ${dim} dimensions`);
  const args = { dim, wordNgrams, loss: lossName, bucket, minn, maxn };
  if (wordNgrams > mostNgrams || maxn > mostNgrams)
    throw new Error(`it has n-grams of ${Math.max(wordNgrams, maxn)} words or characters`);
  if (usesBuckets(args) && bucket < 1) throw new Error('it has n-grams but no buckets for them');
  return args;
}

/** Whether the model has hashed n-grams. */
function usesBuckets({ wordNgrams, maxn }: FasttextArgs): boolean {
  return wordNgrams > 1 || maxn > 0;
}

interface Dictionary extends Pick<FasttextModel, 'words' | 'labels' | 'bucketRows'> {
  bytes: Buffer;
  ends: Uint32Array;
  /** N-gram rows left after pruning; undefined if nothing was pruned. */
  pruned: number | undefined;
}

/** An entry has at least one byte of text, a 0, a count and a type. */
const smallestEntryBytes = 10;
const pruneEntryBytes = 8;
/** A bucket takes four bytes of memory, whatever the size of the file. fastText's default is 2 million. */
const mostPrunedBuckets = 1 << 26;

function readDictionary(cursor: Cursor, bucket: number): Dictionary {
  const [size, words, labelCount] = [cursor.int32(), cursor.int32(), cursor.int32()];
  cursor.int64();
  const prunedEntries = cursor.int64();
  if (words < 0 || labelCount < 1 || words + labelCount !== size)
    throw new Error(`its dictionary has ${size} entries, but ${words} words and ${labelCount} labels`);
  cursor.require(size * smallestEntryBytes);
  const ends = new Uint32Array(size);
  const labels: FasttextModel['labels'] = [];
  let bytes = Buffer.allocUnsafe(1 << 20);
  let used = 0;
  for (let i = 0; i < size; i++) {
    const word = cursor.cString();
    if (used + word.length > bytes.length)
      bytes = Buffer.concat([bytes], Math.max(2 * bytes.length, used + word.length));
    used += word.copy(bytes, used);
    ends[i] = used;
    const count = cursor.int64();
    const isLabel = cursor.int8() !== 0;
    if (isLabel !== i >= words)
      throw new Error(
        `entry ${i} of its dictionary is a ${isLabel ? 'label' : 'word'}, but its ${words} words must come ` +
          `before its ${labelCount} labels`,
      );
    if (isLabel) labels.push({ name: bytes.toString('utf8', used - word.length, used), count });
  }
  const bucketRows = prunedEntries < 0 ? undefined : readPruned(cursor, prunedEntries, bucket);
  return {
    bytes: bytes.subarray(0, used),
    ends,
    words,
    labels,
    pruned: prunedEntries < 0 ? undefined : prunedEntries,
    bucketRows,
  };
}

function readPruned(cursor: Cursor, entries: number, bucket: number): Int32Array {
  cursor.require(entries * pruneEntryBytes);
  if (bucket > mostPrunedBuckets)
    throw new Error(`it has ${bucket} buckets; a pruned model can have at most ${mostPrunedBuckets}`);
  const rows = new Int32Array(Math.max(bucket, 0)).fill(-1);
  for (let i = 0; i < entries; i++) {
    const hash = cursor.int32();
    const row = cursor.int32();
    if (row < 0 || row >= entries)
      throw new Error(`its list of pruned n-grams names row ${row} of ${entries}`);
    if (hash >= 0 && hash < rows.length) rows[hash] = row;
  }
  return rows;
}
