// Checks the quarantined rows of parts, and that the parts cover every row of every shard once.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { type CoveredRows, type ListedPart, quarantineFile } from '../../scoring/part.ts';
import { formatCountOf } from '../../run/amounts.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import { rowsWritten } from '../../data/files/quarantine.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { formatOf } from '../../data/shards.ts';
import { type AddProblem, isAltered, count, sum } from './problems.ts';

const invalidRow = z.union([
  z.object({ file: z.string(), position: count }),
  z.object({ rowsNotWritten: count }),
]);

/** Checks the invalid rows of each part: as many as listed, all of this part, none twice. */
export async function verifyQuarantine(
  run: Run,
  parts: readonly ListedPart[],
  addProblem: AddProblem,
): Promise<void> {
  for (const { file, covers, quarantined, quarantineSha256 } of parts) {
    if (quarantined === 0) continue;
    const path = join(run.files.quarantine, quarantineFile(file));
    try {
      const text = await readRegular(path, 'utf8');
      if (
        quarantineSha256 !== undefined &&
        createHash('sha256').update(text).digest('hex') !== quarantineSha256
      )
        addProblem(`${path} ${isAltered}. Remove it and run "betr rank".`);
      const lines = text
        .trim()
        .split('\n')
        .map((line) => invalidRow.parse(JSON.parse(line)));
      const byShard = new Map(covers.map((rows) => [rows.shard, { ...rows, positions: new Set<number>() }]));
      for (const line of lines) {
        const own = 'position' in line ? byShard.get(line.file) : undefined;
        if (
          own !== undefined &&
          'position' in line &&
          line.position >= own.firstRow &&
          line.position < own.firstRow + own.rows
        )
          own.positions.add(line.position);
      }
      const found = sum([...byShard.values()], ({ positions }) => positions.size);
      const written = lines.filter((line) => 'position' in line).length;
      if (found !== Math.min(quarantined, rowsWritten) || written !== found)
        addProblem(
          `${path} has ${found} distinct rows of its part in ${written} lines, but ${quarantined} are listed`,
        );
      if (quarantined > rowsWritten) continue;
      for (const { shard, quarantined: listed, positions } of byShard.values())
        if (covers.length > 1 && positions.size !== listed)
          addProblem(`${path} has ${positions.size} rows of ${shard}, but ${listed} are listed`);
    } catch (error) {
      addProblem(`${path} cannot be read: ${reasonOf(error)}. Remove it if it exists, and run "betr rank".`);
    }
  }
}

/** Checks that every row of every shard is in exactly one part. */
export function verifyTiling(parts: readonly ListedPart[], addProblem: AddProblem): void {
  for (const { file, covers, documents, unknownDocuments = 0, quarantined } of parts) {
    if (
      sum(covers, (rows) => rows.documents) !== documents ||
      sum(covers, ({ unknown = 0 }) => unknown) !== unknownDocuments ||
      sum(covers, (rows) => rows.quarantined) !== quarantined
    )
      addProblem(`${file}: the counts of its shards do not add up to its totals`);
  }
  const covered = parts
    .flatMap(({ file, covers }) => covers.map((rows) => ({ ...rows, file })))
    .sort((a, b) => (a.shard === b.shard ? a.firstRow - b.firstRow : a.shard < b.shard ? -1 : 1));
  let before: CoveredRows | undefined;
  const end = (rows: CoveredRows | undefined): void => {
    if (rows !== undefined && !rows.endsShard)
      addProblem(`${rows.shard}: the rows from ${rows.firstRow + rows.rows} on are in no part`);
  };
  for (const { file, ...rows } of covered) {
    const begins = rows.shard !== before?.shard;
    if (begins) end(before);
    const expected = begins || before === undefined ? 0 : before.firstRow + before.rows;
    if (rows.firstRow > expected)
      addProblem(`${rows.shard}: rows ${expected} to ${rows.firstRow - 1} are in no part`);
    if (rows.firstRow < expected || (!begins && before?.endsShard === true))
      addProblem(`${rows.shard}: rows from ${rows.firstRow} are in two parts`);
    const documents = rows.documents + (rows.unknown ?? 0);
    const left = rows.rows - documents - rows.quarantined;
    // Only line-based files can have blank rows.
    if (left > 0 && formatOf(rows.shard) === 'parquet')
      addProblem(
        `${file} has ${formatCountOf(left, 'row')} of ${rows.shard} neither documents nor in quarantine`,
      );
    if (left < 0)
      addProblem(
        `${file} has ${documents} documents and ${rows.quarantined} invalid rows of ${rows.shard}, ` +
          `but covers only ${rows.rows} of its rows`,
      );
    before = rows;
  }
  end(before);
}
