// Progress reports of long steps. `cli/` draws them or writes them as lines of JSON; tests ignore them.

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
  'pairs',
] as const;
type Unit = (typeof units)[number];

export interface Progress {
  stage: string;
  /** Completed units, and their total if it is known. */
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
  /** Units per second since the stage began, and the estimated time left; null while unknown. */
  rate: z.number().nullable(),
  etaSeconds: z.number().nullable(),
  /** ISO 8601. */
  at: z.string(),
});
export type MeasuredProgress = z.output<typeof measuredProgressSchema>;

/** A line of --progress json: the first identifies the process, the others report its progress. */
export const progressLineSchema = z.union([
  z.strictObject({ process: z.strictObject({ pid: z.number().int(), identity: z.string() }) }),
  z.strictObject({ progress: measuredProgressSchema }),
]);
export type ProgressLine = z.output<typeof progressLineSchema>;
