// `make torture`: a thousand rounds of killing. Arguments: rounds, seed.

import { withFolder } from '../data/collect.ts';
import { crashRankings } from './crash.ts';

const rounds = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? 1);
const tell = (line: string): void => void process.stdout.write(`${line}\n`);
await withFolder(async (folder) => {
  const { kinds, series } = await crashRankings(folder, rounds, seed, tell);
  tell(
    `${rounds} rounds (${Object.entries(kinds)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}), ${series} rankings: 0 documents lost, 0 doubled, every file byte for byte that of an ` +
      `undisturbed run; seed ${seed}`,
  );
});
process.exit();
