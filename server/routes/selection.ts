// GET /selection: (shard, row, document, score) of the kept documents, streamed no faster than the client
// reads. The same question to the same ranking gives the same bytes; an answer that fails midway is
// aborted, never ended as if it were complete.

import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Cutoff } from '../../ranking/cutoff.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { eachKeptRow } from '../../ranking/selection/kept-rows.ts';
import { withSpill } from '../../data/duckdb/run-database.ts';
import { writeRows } from '../../ranking/selection/write-rows.ts';
import { questionFields } from './question.ts';
import { type Reply, route } from '../route.ts';
import { encoders, mediaTypes } from './selection-formats.ts';

const formats = ['parquet', 'jsonl', 'csv', 'arrow'] as const;
/** Concurrent selections; each may hold a database of a gigabyte. */
const mostAtOnce = 4;
/** A client that reads nothing for this long is disconnected. */
const idleMs = 120_000;
let running = 0;

export const selectionRoutes = [
  route({
    method: 'get',
    path: '/selection',
    summary: 'Download the kept documents: shard, row, document and score of each, sorted by shard and row.',
    access: 'read',
    query: z.strictObject({
      format: z
        .enum(formats)
        .default('parquet')
        .meta({
          description:
            'parquet: the file that "betr select" writes. arrow: an IPC stream. csv: for spreadsheets, ' +
            'a text that begins with =, +, -, @ or a tab gets an apostrophe in front.',
        }),
      ...questionFields,
    }),
    reply: { description: 'The rows, as a download.', types: Object.values(mediaTypes) },
    tagged: true,
    async answer({ query: { format, ...question }, state, request, response }): Promise<Reply> {
      const live = state.live.current();
      const { cutoff, answer } = await live.answerWithCutoff(question);
      const ranking = await live.retarget(question);
      if (running >= mostAtOnce) throw fail('BUSY', { waiting: running, seconds: 30 });
      response.setHeader('Content-Type', mediaTypes[format]);
      const { rate, score } = answer.keep;
      const cut = score === undefined ? `${Number((100 * rate).toPrecision(3))}pct` : `score${score}`;
      response.setHeader(
        'Content-Disposition',
        `attachment; filename="selection-${ranking.generation}-${cut}.${format}"`,
      );
      if (request.method === 'HEAD') {
        response.end();
        return 'sent';
      }
      running++;
      try {
        await sendRows(state.run, ranking, cutoff, format, response);
      } finally {
        running--;
      }
      return 'sent';
    },
  }),
];

async function sendRows(
  run: Run,
  ranking: Ranking,
  cutoff: Cutoff,
  format: (typeof formats)[number],
  response: Response,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => {
    // Only if the client left, not if the response ended or failed here.
    if (!response.writableFinished && response.errored === null) left.abort();
  });
  response.setTimeout(idleMs, () => response.destroy());
  try {
    if (format === 'parquet') await sendParquet(run, ranking, cutoff, left.signal, response);
    else
      await eachKeptRow(run, ranking, cutoff, left.signal, (blocks) =>
        pipeline(encoders[format](blocks), response),
      );
  } catch (error) {
    // The client has left: nobody to report an error to.
    if (!left.signal.aborted) throw error;
  }
}

/** A Parquet file ends with its metadata, so it is written completely before it is sent. */
async function sendParquet(
  run: Run,
  ranking: Ranking,
  cutoff: Cutoff,
  signal: AbortSignal,
  response: Response,
): Promise<void> {
  await withSpill(run, async (folder) => {
    await mkdir(folder);
    const path = join(folder, 'selection.parquet');
    await writeRows(run, ranking, cutoff, path, signal);
    response.setHeader('Content-Length', (await stat(path)).size);
    await pipeline(createReadStream(path), response);
  });
}
