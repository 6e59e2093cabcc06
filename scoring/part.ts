// A part has the scores of a chunk or pack, or of a piece of one, as Parquet. Its card summarizes it; its
// line in the manifest publishes it. Columns: shard, row, document, source, tokens, score, and `score_NAME`
// for each benchmark with its own output. If the scorer may leave documents without a score, there are also
// `unknown`, the reason why a document has none, and the scorer's details. Documents without a score are at
// the end, so the place of any other among the scored ones is its place in the file.

import { z } from 'zod';
import { count, sha256 } from '../run/schemas.ts';

/** Bins of the score histogram: the upper 16 bits of a float32, in numeric order. */
export const binCount = 65_536;

/**
 * How DuckDB writes parts. Parquet version 2 encodings make them a seventh smaller and cut reading time by 30
 * %.
 */
export const partFormat = 'FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd';

/** Documents without a score, by source and reason; sorted, and none is empty. */
export const unknownSchema = z
  .array(z.strictObject({ source: z.string(), reason: z.string(), documents: count, tokens: count }))
  .min(1);
export type Unknown = z.output<typeof unknownSchema>;

/** Their documents and tokens. */
export function addUpUnknown(groups: Unknown = []): Pick<Unknown[number], 'documents' | 'tokens'> {
  return groups.reduce(
    (sum, { documents, tokens }) => ({ documents: sum.documents + documents, tokens: sum.tokens + tokens }),
    { documents: 0, tokens: 0 },
  );
}

/**
 * Rows of one shard that a part covers: each is a document in the part, with or without a score, in
 * quarantine, or blank.
 */
export const coveredRowsSchema = z.strictObject({
  /** The shard's name; its size and time below are those when it was scored. */
  shard: z.string(),
  bytes: count,
  modifiedMs: z.number(),
  firstRow: count,
  rows: count,
  /** Documents with a score. */
  documents: count,
  /** Documents without a score; absent if there are none. */
  unknown: count.positive().optional(),
  quarantined: count,
  endsShard: z.boolean(),
});
export type CoveredRows = z.output<typeof coveredRowsSchema>;

/** A part as listed in the manifest and the ranking. */
export const listedPartSchema = z.strictObject({
  /** File name inside scores/: the task's name and the part's number in it. */
  file: z.string(),
  /** The rows it covers, in its order: of one shard, or of several small ones. */
  covers: z.array(coveredRowsSchema).min(1),
  /** 'chunk' for the last part of a chunk or pack. */
  ends: z.enum(['part', 'chunk']),
  /**
   * Counts of its documents with a score. `estimatedDocuments` of these have estimated token counts.
   */
  documents: count,
  tokens: count,
  estimatedDocuments: count,
  /** Its documents without a score, and their tokens; absent if there are none. */
  unknownDocuments: count.positive().optional(),
  unknownTokens: count.optional(),
  /** Text of all documents. */
  textBytes: count,
  quarantined: count,
  /** SHA-256 of the file of its bad rows, if it has any. */
  quarantineSha256: sha256.optional(),
  /** Lowest and highest joint score; null without documents. */
  scores: z.tuple([z.number(), z.number()]).nullable(),
  bytes: count,
  sha256,
  /** SHA-256 of the card, a file of the same name ending in .json. */
  cardSha256: sha256,
});
export type ListedPart = z.output<typeof listedPartSchema>;

/**
 * [bin, documents, tokens] of each nonempty bin, best bin first. A card has thousands: zod would be too slow.
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
  sources: z.array(z.strictObject({ source: z.string(), documents: count, tokens: count })),
  histogram: histogramSchema,
  /** Absent if every document has a score. */
  unknown: unknownSchema.optional(),
});
export type PartCard = z.output<typeof partCardSchema>;

export type Part = ListedPart & PartCard;

/** The file of a chunk's part. */
export function partFile(chunk: string, number: number): string {
  return `${chunk}-${String(number).padStart(5, '0')}.parquet`;
}

/** The chunk of a part's Parquet file, card or bad rows; undefined for any other file. */
export function chunkOf(file: string): string | undefined {
  return /^([0-9a-f]{20})-\d{5}\.(parquet|jsonl?)$/.exec(file)?.[1];
}

/** Whether a name is a chunk's. */
export function isChunkName(name: string): boolean {
  return /^[0-9a-f]{20}$/.test(name);
}

/** The card of a part. */
export function cardFile(part: string): string {
  return part.replace(/\.parquet$/, '.json');
}

/** The file of a part's bad rows, inside quarantine/. */
export function quarantineFile(part: string): string {
  return part.replace(/\.parquet$/, '.jsonl');
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The histogram bin of a float32 score: the upper half of its bits, in numeric order. */
export function scoreBin(score: number): number {
  float[0] = score + 0; // + 0 turns -0 into 0: they are the same score.
  const raw = bits[0] ?? 0;
  return ((raw & 0x8000_0000) === 0 ? raw | 0x8000_0000 : ~raw) >>> 16;
}

/** The smallest score of a bin. */
export function binFloor(bin: number): number {
  const ordered = (bin << 16) >>> 0;
  bits[0] = (ordered & 0x8000_0000) === 0 ? ~ordered : ordered & 0x7fff_ffff;
  return float[0] ?? 0;
}
