// What a long step tells about itself; `cli/` draws it or writes it as lines of JSON, tests ignore it.

import { z } from 'zod';

const units = [
  'documents',
  'bytes',
  'examples',
  'shards',
  'epochs',
  'outputs',
  'parts',
  'domains',
  'models',
  'orders',
  'chunks',
  'seconds',
] as const;
type Unit = (typeof units)[number];

export interface Progress {
  stage: string;
  /** Units done, and in all where it is known. */
  done: number;
  total?: number;
  unit: Unit;
}

export type Report = (progress: Progress) => void;

export const silent: Report = () => undefined;

export const measuredProgressSchema = z.strictObject({
  stage: z.string(),
  done: z.number(),
  total: z.number().nullable(),
  unit: z.enum(units),
  /** Units a second since the stage began, and what is left by that; null where there is no telling yet. */
  rate: z.number().nullable(),
  etaSeconds: z.number().nullable(),
  /** ISO 8601. */
  at: z.string(),
});
export type MeasuredProgress = z.output<typeof measuredProgressSchema>;

/** A line of --progress json: first which process it is, then how far it is. */
export const progressLineSchema = z.union([
  z.strictObject({ process: z.strictObject({ pid: z.number().int(), identity: z.string() }) }),
  z.strictObject({ progress: measuredProgressSchema }),
]);
export type ProgressLine = z.output<typeof progressLineSchema>;
