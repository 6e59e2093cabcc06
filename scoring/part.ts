// A part: the scores of a chunk or of a pack of small shards, or of a piece of one, as Parquet; its card,
// which says what is in it; and its line in the manifest, which makes it count. Columns: shard, row,
// document, source, tokens, score, and one `score_NAME` for each benchmark with an output of its own.

import { z } from 'zod';

/** Bins of the score histogram: the upper 16 bits of a float32, in the order of the numbers. */
export const binCount = 65_536;

/**
 * How DuckDB writes parts. With the encodings of Parquet's version 2 they are a seventh smaller, and read in
 * 0.7 of the time.
 */
export const partFormat = 'FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd';

const whole = z.number().int().nonnegative();

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Rows of one shard that a part covers: each has a document in the part, or is in quarantine, or blank. */
export const coveredRowsSchema = z.strictObject({
  /** The shard, as it was when it was scored. */
  shard: z.string(),
  bytes: whole,
  modifiedMs: z.number(),
  firstRow: whole,
  rows: whole,
  documents: whole,
  quarantined: whole,
  endsShard: z.boolean(),
});
export type CoveredRows = z.output<typeof coveredRowsSchema>;

/** What the manifest and the ranking say of a part. */
export const listedPartSchema = z.strictObject({
  /** File name inside scores/: the task's name and the part's number in it. */
  file: z.string(),
  /** The rows it covers, in its own order: of one shard, or of several small ones. */
  covers: z.array(coveredRowsSchema).min(1),
  /** What ends with it: nothing but the part, or the chunk or pack. */
  ends: z.enum(['part', 'chunk']),
  /**
   * What is in it. Tokens are the sum over the documents, of which `estimatedDocuments` have estimated
   * counts.
   */
  documents: whole,
  tokens: whole,
  estimatedDocuments: whole,
  textBytes: whole,
  quarantined: whole,
  /** Of the file of its bad rows, where it has some. */
  quarantineSha256: sha256.optional(),
  /** Lowest and highest joint score; null where there is no document. */
  scores: z.tuple([z.number(), z.number()]).nullable(),
  bytes: whole,
  sha256,
  /** Of the card, a file of the same name with .json at its end. */
  cardSha256: sha256,
});
export type ListedPart = z.output<typeof listedPartSchema>;

/**
 * [bin, documents, tokens] of every bin that is not empty, best bin first. Checked by hand, as there are
 * thousands in each part's card.
 */
export const histogramSchema = z.custom<[bin: number, documents: number, tokens: number][]>(
  (value) => Array.isArray(value) && value.every(isBinRow),
);

function isBinRow(row: unknown): boolean {
  return Array.isArray(row) && row.length === 3 && isWhole(row[0]) && isWhole(row[1]) && isWhole(row[2]);
}

function isWhole(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value);
}

export const partCardSchema = z.strictObject({
  sources: z.array(z.strictObject({ source: z.string(), documents: whole, tokens: whole })),
  histogram: histogramSchema,
});
export type PartCard = z.output<typeof partCardSchema>;

export type Part = ListedPart & PartCard;

/** The file of a chunk's part. */
export function partFile(chunk: string, number: number): string {
  return `${chunk}-${String(number).padStart(5, '0')}.parquet`;
}

/** The chunk that a part's file, or another file beside it, belongs to; undefined for any other file. */
export function chunkOf(file: string): string | undefined {
  return /^([0-9a-f]{20})-\d{5}\.(parquet|jsonl?)$/.exec(file)?.[1];
}

/** Whether a name is that of a chunk. */
export function isChunkName(name: string): boolean {
  return /^[0-9a-f]{20}$/.test(name);
}

/** The file of a part's card. */
export function cardFile(part: string): string {
  return part.replace(/\.parquet$/, '.json');
}

/** The file of a part's bad rows, inside quarantine/. */
export function quarantineFile(part: string): string {
  return part.replace(/\.parquet$/, '.jsonl');
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The histogram bin of a score (as float32): the upper half of its bits, ordered like the numbers. */
export function scoreBin(score: number): number {
  float[0] = score + 0; // -0 becomes 0, as both are the same score
  const raw = bits[0] ?? 0;
  return ((raw & 0x8000_0000) === 0 ? raw | 0x8000_0000 : ~raw) >>> 16;
}

/** The smallest score of a bin. */
export function binFloor(bin: number): number {
  const ordered = (bin << 16) >>> 0;
  bits[0] = (ordered & 0x8000_0000) === 0 ? ~ordered : ordered & 0x7fff_ffff;
  return float[0] ?? 0;
}
