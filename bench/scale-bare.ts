// Part of bench/scale.ts: scoring files without anything around it.

import { join } from 'node:path';
import { z } from 'zod';
import { runOnOneCore, scoreOne } from './machine.ts';

const timing = z.object({ textBytes: z.number(), seconds: z.number() });

export interface Shards {
  zst: string;
  parquet: string;
}

/**
 * Scores each of the two files on one core: the speed, and the shares of reading, scoring and writing (the rest)
 * in percent.
 */
export function measureStages(folder: string, weights: string, { zst, parquet }: Shards) {
  const of = (path: string) => {
    const [memory, read, file] = [
      scoreBare(folder, weights, 'memory', [path]),
      scoreBare(folder, weights, 'read', [path]),
      scoreBare(folder, weights, 'file', [path]),
    ];
    const share = (seconds: number): number => Math.round((100 * seconds) / file.seconds);
    return {
      mbPerSecond: Math.round(file.textBytes / 1e6 / file.seconds),
      read: share(read.seconds),
      score: share(memory.seconds),
      write: share(Math.max(0, file.seconds - read.seconds - memory.seconds)),
    };
  };
  return { zst: of(zst), parquet: of(parquet) };
}

/** Scores files without a plan, leases and a manifest, on one core. Parts go to `folder`. */
export function scoreBare(
  folder: string,
  weights: string,
  kind: 'memory' | 'read' | 'file',
  paths: readonly string[],
): z.output<typeof timing> {
  return timing.parse(
    JSON.parse(
      runOnOneCore(scoreOne.program, [...scoreOne.args, weights, kind, join(folder, 'parts'), ...paths])
        .output,
    ),
  );
}
