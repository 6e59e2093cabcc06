// `make fuzz`: many cases of a seed, by default 10,000 of today's. node dist/test/fuzz/main.js [cases] [seed]

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFuzz } from './fuzz.ts';

const cases = Number(process.argv[2] ?? 10_000);
const seed = Number(process.argv[3] ?? Math.floor(Date.now() / 86_400_000));
const folder = await mkdtemp(join(tmpdir(), 'betr-fuzz-'));
console.log(`${cases} cases of seed ${seed} in ${folder}`);
const { outcomes, defects } = await runFuzz(folder, { seed, to: cases }, (done) => {
  if (done % 1000 === 0) console.log(`${done} of ${cases}`);
});
for (const [kind, counts] of Object.entries(outcomes).sort())
  console.log(
    `${kind.padEnd(22)} ${Object.entries(counts)
      .sort()
      .map(([outcome, count]) => `${outcome} ${count}`)
      .join(', ')}`,
  );
for (const defect of defects) console.error(defect);
console.log(defects.length === 0 ? 'no defect' : `${defects.length} defects`);
process.exit(defects.length === 0 ? 0 : 1);
