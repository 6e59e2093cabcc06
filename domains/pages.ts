// Turns pages of the weighted domains into sample.parquet and targets.parquet, so `betr train` learns to tell
// pages of included domains from the others and `betr rank` scores the whole corpus (arXiv 2409.05816 trains
// fastText on the same labels).

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BIGINT, DOUBLE, INTEGER, VARCHAR } from '../data/duckdb/library.ts';
import { z } from 'zod';
import { type DocumentBatch, textOf } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { Run } from '../run/run.ts';
import { listShards } from '../data/shards.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../data/duckdb/run-files.ts';
import { measureTokens } from '../indexer/sample/tokens.ts';
import type { Domain, DomainsNote } from './result.ts';

type PageCounts = NonNullable<DomainsNote['pages']>;

/**
 * Writes sample.parquet, targets.parquet (document, score, include) and tokens.json from the pages,
 * replacing what `betr index` wrote; the index card is removed. A page is its own domain if the losses
 * contain its document key; otherwise its source is its domain. Its score is the domain's estimate. Errors:
 * PAGES_UNMATCHED, PAGES_ALIKE; those of listing and reading the files; DISK_FULL, WRITE_FAILED.
 */
export async function writePages(
  run: Run,
  patterns: readonly string[],
  folder: string,
  domains: readonly Domain[],
  from: string,
  report: Report,
): Promise<PageCounts> {
  const shards = await listShards(patterns, folder);
  const places = new Map(domains.map(({ domain }, place) => [domain, place]));
  const quarantine = openQuarantine(join(run.files.quarantine, 'domains-pages.jsonl'));
  const counts: PageCounts = { documents: 0, included: 0, unmatched: 0, duplicates: 0, quarantined: 0 };
  await withSpillingDuckDb(run.files.spill, async (connection) => {
    await connection.run(
      'CREATE TABLE pages (document VARCHAR, shard VARCHAR, row BIGINT, source VARCHAR, tokens DOUBLE, ' +
        'text VARCHAR, place INTEGER, came INTEGER)',
    );
    let read = 0;
    let unmatched = '';
    try {
      for (const shard of shards) {
        for await (const batch of readShard(shard, run.settings.corpus.fields, { quarantine })) {
          const matched = await addPages(connection, batch, places, read);
          if (matched < batch.count && unmatched === '')
            unmatched =
              batch.documents.find(
                (document, i) => placeOf(places, document, batch.sources[i]) === undefined,
              ) ?? '';
          counts.documents += matched;
          counts.unmatched += batch.count - matched;
          read += batch.count;
          report({ stage: 'domains: read the pages', done: read, unit: 'documents' });
        }
      }
    } finally {
      await quarantine.close();
    }
    counts.quarantined = quarantine.count;
    if (counts.documents === 0)
      throw fail('PAGES_UNMATCHED', {
        path: patterns.join(', '),
        pages: read,
        page: unmatched,
        domain: domains[0]?.domain ?? '',
      });
    await keepFirst(connection, domains, counts);
    if (counts.included === 0 || counts.included === counts.documents)
      throw fail('PAGES_ALIKE', { pages: counts.documents, included: counts.included });
    // From here on the files are no longer an index. Without its card, no command treats them as one.
    await rm(run.files.indexCard, { force: true });
    await writeParquet(
      connection,
      'SELECT document, shard, row, source, tokens, text FROM pages ORDER BY document',
      run.files.sample,
      { pages: from },
    );
    await writeParquet(
      connection,
      'SELECT document, estimate AS score, include FROM pages JOIN domains USING (place) ORDER BY document',
      run.files.targets,
      { pages: from },
    );
  });
  await measureTokens(run, run.files, from);
  return counts;
}

function placeOf(
  places: ReadonlyMap<string, number>,
  document: string,
  source: string | undefined,
): number | undefined {
  return places.get(document) ?? places.get(source ?? '');
}

const types = [VARCHAR, VARCHAR, BIGINT, VARCHAR, DOUBLE, VARCHAR, INTEGER, INTEGER];

/**
 * Appends the batch's pages that belong to a domain and returns their number. `before` pages came earlier.
 */
async function addPages(
  connection: DuckDBConnection,
  batch: DocumentBatch,
  places: ReadonlyMap<string, number>,
  before: number,
): Promise<number> {
  const picked = batch.documents.flatMap((document, i) => {
    const place = placeOf(places, document, batch.sources[i]);
    return place === undefined ? [] : [{ i, place }];
  });
  const valueOf = [
    (i: number) => batch.documents[i] ?? '',
    () => batch.shard,
    (i: number) => BigInt(batch.rows[i] ?? 0),
    (i: number) => batch.sources[i] ?? '',
    (i: number) => (Number.isNaN(batch.tokens[i]) ? null : (batch.tokens[i] ?? null)),
    (i: number) => textOf(batch, i),
    (_i: number, place: number) => place,
    (i: number) => before + i,
  ];
  const appender = await connection.createAppender('pages');
  appendColumns(appender, types, picked.length, (column, from, to) =>
    picked.slice(from, to).map(({ i, place }) => valueOf[column]?.(i, place) ?? null),
  );
  appender.closeSync();
  return picked.length;
}

/** Keeps the first page of each document key and counts. */
async function keepFirst(
  connection: DuckDBConnection,
  domains: readonly Domain[],
  counts: PageCounts,
): Promise<void> {
  await connection.run('CREATE TABLE domains (place INTEGER, estimate DOUBLE, include BOOLEAN)');
  const appender = await connection.createAppender('domains');
  for (const [place, { estimate, include }] of domains.entries()) {
    appender.appendInteger(place);
    appender.appendDouble(estimate);
    appender.appendBoolean(include);
    appender.endRow();
  }
  appender.closeSync();
  await connection.run('DELETE FROM pages WHERE came NOT IN (SELECT min(came) FROM pages GROUP BY document)');
  const reader = await connection.runAndReadAll(
    'SELECT count(*)::DOUBLE, count(*) FILTER (WHERE include)::DOUBLE FROM pages JOIN domains USING (place)',
  );
  const [kept = 0, included = 0] = z.array(z.number()).parse(reader.getRows()[0]);
  counts.duplicates = counts.documents - kept;
  counts.documents = kept;
  counts.included = included;
}
