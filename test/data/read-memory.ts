// Reads a file of documents, and prints how many there were, how many rows were quarantined, and the
// process's peak memory (that which `resourceUsage` tells may be its parent's).

import { peakMegabytes } from '../../bench/machine.ts';
import { readShard } from '../../data/read.ts';
import { formatOf } from '../../data/shards.ts';
import { collectQuarantined, defaultFields } from './collect.ts';

const path = process.argv[2] ?? '';
const quarantine = collectQuarantined();
let documents = 0;
let textBytes = 0;
for await (const batch of readShard(
  { name: 'shard', path, format: formatOf(path), bytes: 0, modifiedMs: 0 },
  defaultFields,
  { quarantine },
)) {
  documents += batch.count;
  textBytes += batch.text.length;
}
process.stdout.write(
  JSON.stringify({ documents, textBytes, quarantined: quarantine.rows, peakMb: peakMegabytes() }),
);
