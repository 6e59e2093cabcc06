// The process that reads damaged files, so that a crash or hang is detected. Jobs and answers are messages.

import { z } from 'zod';
import { BetrError, errorCodes, reasonOf } from '../../run/errors/errors.ts';
import { kinds } from './kinds.ts';

const jobSchema = z.object({ kind: z.string(), project: z.string(), path: z.string() });

export interface Answer {
  outcome: string;
  /** What is wrong with the product, if anything. */
  defect?: string;
  /** Peak memory of the process so far. */
  peakMb: number;
}

process.on('message', (message) => {
  const { kind, project, path } = jobSchema.parse(message);
  const peakMb = (): number => process.resourceUsage().maxRSS / 1024;
  const answer = (value: Answer): unknown => process.send?.(value);
  (kinds[kind]?.read(project, path) ?? Promise.reject(new Error(`no kind ${kind}`))).then(
    (outcome) => answer({ outcome, peakMb: peakMb() }),
    (error: unknown) => {
      if (error instanceof BetrError && errorCodes.includes(error.code) && error.code !== 'INTERNAL')
        answer({ outcome: error.code, peakMb: peakMb() });
      else
        answer({
          outcome: 'defect',
          defect: error instanceof Error ? (error.stack ?? error.message) : reasonOf(error),
          peakMb: peakMb(),
        });
    },
  );
});
