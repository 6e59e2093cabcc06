// What `betr domains --json` prints.

import { z } from 'zod';
import { type Ended } from '../project.ts';

/** The fields of the result that the tests look at. */
export const shown = z.object({
  estimator: z.string(),
  target: z.array(z.string()),
  models: z.number(),
  domains: z.array(
    z.object({
      domain: z.string(),
      estimate: z.number(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      weight: z.number(),
      include: z.boolean(),
    }),
  ),
  warnings: z.array(z.string()),
});
/** The result of a command. */
export const parse = ({ stdout }: Ended): z.output<typeof shown> => shown.parse(JSON.parse(stdout));
/** The code of the error of a command. */
export const errorOf = ({ stdout }: Ended): unknown =>
  z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(stdout)).error.code;
