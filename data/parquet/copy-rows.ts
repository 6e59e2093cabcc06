// Copies rows of a Parquet file into another one by the bytes and levels of its columns, without interpreting
// them: names, types, values, nesting, and key-value metadata are preserved. Only the layout is new: row
// groups, pages, statistics, and compression.

import { type FileHandle, open } from 'node:fs/promises';
import { openRegular } from '../../run/regular-file.ts';
import { isKnownCodec, loadCodecs } from './codecs.ts';
import type { ByteSpan } from './copy.ts';
import { copyColumn, type Edits, noEdits, type WantedGroup, writeAdded } from './copy-column.ts';
import type { Footer } from './footer.ts';
import type { WrittenFile } from './write-chunk.ts';
import { addedLeaf, writeFooter, type WrittenGroup } from './write-footer.ts';

/** A row group of the copy ends once it has this many rows, or this many bytes in the source. */
const groupRows = 122_880;
const groupBytes = 256 << 20;

/** Throws if a column cannot be copied; the message names the column. */
export function checkCopyable({ leaves, groups }: Footer): void {
  for (const { chunks } of groups) {
    for (const [leaf, { codec, isEncrypted, isElsewhere }] of chunks.entries()) {
      const why = isEncrypted
        ? 'is encrypted'
        : isElsewhere
          ? 'is in another file'
          : isKnownCodec(codec)
            ? undefined
            : `is compressed with an unknown codec (${codec})`;
      if (why !== undefined)
        throw new Error(`column "${leaves[leaf]?.name ?? ''}" ${why} and cannot be copied`);
    }
  }
}

/** The byte spans of the row groups with these rows (ascending). */
export function spansOfRows(footer: Footer, rows: readonly number[]): ByteSpan[] {
  return groupWanted(footer, rows, noEdits).flatMap(({ group }) => group.chunks);
}

/**
 * Writes the rows (ascending) of the file at `path` to `target`. Returns the number of written rows. Throws
 * if the file is damaged or a write fails.
 */
export async function copyRows(
  path: string,
  footer: Footer,
  rows: readonly number[],
  target: string,
  edits: Edits = noEdits,
): Promise<number> {
  await loadCodecs();
  const source = await openRegular(path);
  const out = await open(target, 'w');
  try {
    const file = openFile(out);
    await file.write(magic);
    const groups: WrittenGroup[] = [];
    for (const batch of batchGroups(groupWanted(footer, rows, edits))) {
      const chunks = [];
      for (const leaf of footer.leaves)
        chunks.push({
          leaf,
          first: batch[0]?.group.chunks[leaf.leaf],
          written: await copyColumn(source, file, leaf, batch, edits),
        });
      const { added } = edits;
      if (added !== undefined)
        chunks.push({
          leaf: addedLeaf(added.name),
          first: undefined,
          written: await writeAdded(file, batch, added.values),
        });
      groups.push({
        rows: batch.reduce((sum, { copies }) => sum + copies.reduce((a, b) => a + b, 0), 0),
        chunks,
      });
    }
    const total = groups.reduce((sum, group) => sum + group.rows, 0);
    const metadata = writeFooter(footer, groups, edits);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(metadata.length);
    await file.write(Buffer.concat([metadata, length, magic]));
    return total;
  } finally {
    await out.close();
    await source.close();
  }
}

const magic = Buffer.from('PAR1');

function openFile(file: FileHandle): WrittenFile {
  let at = 0;
  return {
    at: () => at,
    async write(bytes) {
      await file.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    },
  };
}

function groupWanted({ groups }: Footer, rows: readonly number[], { copies }: Edits): WantedGroup[] {
  const wanted: WantedGroup[] = [];
  let next = 0;
  for (const [number, group] of groups.entries()) {
    const own: WantedGroup = { group, number, rows: [], copies: [] };
    for (; next < rows.length && (rows[next] ?? 0) < group.firstRow + group.rows; next++) {
      const row = rows[next] ?? 0;
      const times = copies.get(row) ?? 1;
      if (times === 0) continue;
      own.rows.push(row);
      own.copies.push(times);
    }
    if (own.rows.length > 0) wanted.push(own);
  }
  return wanted;
}

/** Combines groups with few wanted rows into one. */
function* batchGroups(wanted: readonly WantedGroup[]): Generator<WantedGroup[]> {
  let batch: WantedGroup[] = [];
  let [rows, bytes] = [0, 0];
  for (const own of wanted) {
    batch.push(own);
    rows += own.rows.length;
    bytes +=
      (own.group.chunks.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0) * own.rows.length) /
      own.group.rows;
    if (rows < groupRows && bytes < groupBytes) continue;
    yield batch;
    batch = [];
    [rows, bytes] = [0, 0];
  }
  if (batch.length > 0) yield batch;
}
