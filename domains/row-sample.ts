// A sample of a loss table's rows, for steps that need the losses again.

import { keyHash } from '../data/files/hash.ts';

/** Some domains with their losses: all of them, or those with the smallest hashes. */
export interface RowSample {
  names: string[];
  tokens: Float64Array;
  /** Row by row, one value per model. */
  losses: Float64Array;
}

/** Maximum number of losses to keep. */
const sampleCells = 4e6;

const sampleDomains = 10_000;

/**
 * Keeps rows by a seeded hash of the domain: all while they fit, then ever smaller halves. Neither their
 * number nor their order must be known in advance.
 */
export function openSample(
  models: number,
  seed: number,
): { offer(name: string, tokens: number, losses: Float64Array): void; take(): RowSample } {
  const most = Math.max(1000, Math.min(sampleDomains, Math.floor(sampleCells / models)));
  let rows: { name: string; tokens: number; losses: Float64Array; hash: bigint }[] = [];
  let cutoff = 2n ** 64n;
  return {
    offer(name, tokens, losses) {
      const hash = keyHash(`domain\n${name}`, seed);
      if (hash >= cutoff) return;
      rows.push({ name, tokens, losses: losses.slice(), hash });
      if (rows.length <= most) return;
      cutoff /= 2n;
      rows = rows.filter((row) => row.hash < cutoff);
    },
    take() {
      const losses = new Float64Array(rows.length * models);
      for (const [at, row] of rows.entries()) losses.set(row.losses, at * models);
      return {
        names: rows.map(({ name }) => name),
        tokens: Float64Array.from(rows, ({ tokens }) => tokens),
        losses,
      };
    },
  };
}
