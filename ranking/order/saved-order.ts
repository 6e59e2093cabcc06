// The order of a large ranking as a file, so that a starting server need not sort: 11 bytes a document,
// cached in the run's folder as long as the generation is published. After a header, the file has the arrays
// of `Order` as they are in memory, each aligned to 8 bytes.

import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile } from '../../data/files/commit.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { isOrderOf, type Order } from './order.ts';
import { stride } from './sort-scores.ts';
import { addWords, readShared, writeAll } from './shared-file.ts';

/** Documents, occupied bins, `stride`, and the checksum of what follows. */
const headerWords = 4;
const headerBytes = 4 * headerWords;

/** Saves an order that is sorted by key too. Errors: DISK_FULL, WRITE_FAILED. */
export async function saveOrder(run: Run, ranking: Ranking, order: Order): Promise<void> {
  const arrays = [order.tokensBefore, order.positions, order.tokens, order.starts, order.lows, order.bins];
  await commitFile(orderFile(run, ranking), async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      let at = headerBytes;
      let checksum = 0;
      for (const { buffer, byteOffset, byteLength } of arrays) {
        const bytes = new Uint8Array(buffer, byteOffset, byteLength);
        const whole = byteLength - (byteLength % 4);
        const rest = new Uint8Array(padded(byteLength) - whole);
        rest.set(bytes.subarray(whole));
        checksum = addWords(
          addWords(checksum, new Uint32Array(buffer, byteOffset, whole / 4)),
          new Uint32Array(rest.buffer),
        );
        await writeAll(file, bytes.subarray(0, whole), at);
        await writeAll(file, rest, at + whole);
        at += padded(byteLength);
      }
      const header = Uint32Array.of(order.positions.length, order.bins.length, stride, checksum);
      await writeAll(file, new Uint8Array(header.buffer), 0);
    } finally {
      await file.close();
    }
  });
}

/**
 * The saved order, in shared memory; undefined if it is missing, damaged, or older than a part of the
 * ranking.
 */
export async function readSavedOrder(run: Run, ranking: Ranking): Promise<Order | undefined> {
  if (!(await isNewest(run, ranking))) return undefined;
  const bytes = await readShared(orderFile(run, ranking));
  if (bytes === undefined || bytes.byteLength < headerBytes || bytes.byteLength % 8 !== 0) return undefined;
  const order = parse(bytes.buffer);
  return order !== undefined && isOrderOf(ranking, order) ? order : undefined;
}

async function isNewest(run: Run, ranking: Ranking): Promise<boolean> {
  const timeOf = (path: string): Promise<number | undefined> =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
  const made = await timeOf(orderFile(run, ranking));
  if (made === undefined) return false;
  for (const { file } of ranking.parts)
    if (((await timeOf(join(run.files.scores, file))) ?? Infinity) > made) return false;
  return true;
}

/** The file of a ranking's order. */
export function orderFile(run: Run, { generation }: Ranking): string {
  return join(run.files.orders, `${generation}.order`);
}

function parse(buffer: ArrayBufferLike): Order | undefined {
  const [documents = 0, bins = 0, ownStride, checksum] = new Uint32Array(buffer, 0, headerWords);
  let at = headerBytes;
  const place = (bytes: number): number => {
    const from = at;
    at += padded(bytes);
    return from;
  };
  const counts = { tokensBefore: Math.ceil(documents / stride) + 1, starts: bins + 1 };
  const [tokensBefore, positions, tokens, starts, lows, ofBins] = [
    place(8 * counts.tokensBefore),
    place(4 * documents),
    place(4 * documents),
    place(4 * counts.starts),
    place(2 * documents),
    place(2 * bins),
  ];
  if (
    ownStride !== stride ||
    at !== buffer.byteLength ||
    addWords(0, new Uint32Array(buffer, headerBytes)) !== checksum
  )
    return undefined;
  return {
    byKey: true,
    tokensBefore: new Float64Array(buffer, tokensBefore, counts.tokensBefore),
    positions: new Uint32Array(buffer, positions, documents),
    tokens: new Uint32Array(buffer, tokens, documents),
    starts: new Uint32Array(buffer, starts, counts.starts),
    lows: new Uint16Array(buffer, lows, documents),
    bins: new Uint16Array(buffer, ofBins, bins),
  };
}

function padded(bytes: number): number {
  return 8 * Math.ceil(bytes / 8);
}
