// Messages between the server and the thread that fits a law.

import { z } from 'zod';
import type { ErrorData } from '../../run/errors/errors.ts';
import { trialSchema } from '../../ranking/budget/calibrate.ts';
import { calibrationName } from '../../ranking/budget/calibrations.ts';
import { mostTrials } from '../../ranking/budget/trial-table.ts';

/** The body of a request, as JSON. */
export const calibrationBodySchema = z.strictObject({
  name: calibrationName,
  runs: z.array(trialSchema).max(mostTrials),
});

/** `name` comes from the query, for CSV bodies. */
export const calibrationTaskSchema = z.object({
  bytes: z.instanceof(Uint8Array),
  csv: z.boolean(),
  name: z.string().optional(),
});
export type CalibrationTask = z.output<typeof calibrationTaskSchema>;

export const calibrationReplySchema = z.union([
  z.object({ name: z.string(), json: z.string() }),
  z.object({ error: z.custom<ErrorData>((value) => typeof value === 'object' && value !== null) }),
]);
export type CalibrationReply = z.output<typeof calibrationReplySchema>;
