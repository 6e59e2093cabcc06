// Counts the rows of the corpus's files again, for `betr verify --corpus`. The ranking must cover them all;
// only blank lines may be neither documents nor in quarantine.

import { readBytesOf } from '../../data/files/bytes.ts';
import type { Shard } from '../../data/documents.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import { defaultMaxLineBytes } from '../../data/jsonl/jsonl.ts';
import { lineFeed, readLineBlocks } from '../../data/jsonl/lines.ts';
import { listRowGroups } from '../../data/parquet/read.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { listCorpus } from '../../data/shards.ts';
import type { Ranking } from '../generation.ts';

interface RowCount {
  rows: number;
  blank: number;
}

/** Compares the rows of every ranked shard with those that the parts cover. */
export async function countCorpusRows(
  run: Run,
  { parts }: Ranking,
  addProblem: (problem: string) => void,
  report: Report,
): Promise<void> {
  const covered = new Map<string, RowCount>();
  for (const { shard, rows, documents, unknown = 0, quarantined } of parts.flatMap(({ covers }) => covers)) {
    const sum = covered.get(shard) ?? { rows: 0, blank: 0 };
    const blank = rows - documents - unknown - quarantined;
    covered.set(shard, { rows: sum.rows + rows, blank: sum.blank + blank });
  }
  const shards = (await listCorpus(run)).filter(({ name }) => covered.has(name));
  for (const [index, shard] of shards.entries()) {
    try {
      const found = await countRows(shard, run.settings.corpus.fields.text);
      const listed = covered.get(shard.name);
      if (found.rows !== listed?.rows)
        addProblem(`${shard.name} has ${found.rows} rows, but the ranking covers ${listed?.rows ?? 0}`);
      else if (found.blank !== listed.blank)
        addProblem(
          `${shard.name}: ${listed.blank - found.blank} rows are neither documents, nor in quarantine, nor blank`,
        );
    } catch (error) {
      addProblem(`${shard.name}: ${reasonOf(error)}`);
    }
    report({ stage: 'verify: corpus', done: index + 1, total: shards.length, unit: 'shards' });
  }
}

async function countRows(shard: Shard, textField: string): Promise<RowCount> {
  if (shard.format === 'parquet') {
    const groups = await listRowGroups(shard.path, textField);
    return { rows: groups.reduce((sum, { rows }) => sum + rows, 0), blank: 0 };
  }
  const count = { rows: 0, blank: 0 };
  for await (const { bytes, lines } of readLineBlocks(
    readBytesOf(shard.path, shard.format),
    defaultMaxLineBytes,
  )) {
    count.rows += lines;
    for (let start = 0; start < bytes.length;) {
      const found = bytes.indexOf(lineFeed, start);
      const end = found < 0 ? bytes.length : found;
      if (isBlank(bytes, start, end)) count.blank++;
      start = end + 1;
    }
  }
  return count;
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++)
    if (bytes[at] !== 0x20 && bytes[at] !== 0x09 && bytes[at] !== 0x0d) return false;
  return true;
}
