// Combines the pages of an S3 listing: every object once, or an error. Stores differ in how they continue a
// listing, and one that loops must not block the command.

import type { _Object, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { fail } from '../../run/errors/errors.ts';

/** Where a page starts: at a continuation token, or after a key. */
export type ListFrom = { ContinuationToken?: string; StartAfter?: string };
export type ListPage = Pick<ListObjectsV2CommandOutput, 'Contents' | 'IsTruncated' | 'NextContinuationToken'>;

/** A store may return empty pages for deleted objects, but not more than this many. */
const maxEmptyPages = 100;

/** A store that invents endless keys must not exhaust the memory. */
const maxObjects = 5_000_000;

/**
 * Yields the objects of all pages. Errors: REMOTE_FAILED if the listing does not advance, and those of
 * `fetchPage`.
 */
export async function* listObjects(
  address: string,
  fetchPage: (from: ListFrom) => Promise<ListPage>,
): AsyncGenerator<_Object> {
  const refuse = (reason: string): Error =>
    fail('REMOTE_FAILED', { url: address, reason, attempts: 1, mayPass: false });
  const firstKeys = new Set<string>();
  const tokens = new Set<string>();
  let emptyPages = 0;
  let listed = 0;
  let from: ListFrom = {};
  for (;;) {
    const { Contents: objects = [], IsTruncated, NextContinuationToken: token = '' } = await fetchPage(from);
    const [first, last] = [objects[0]?.Key, objects.at(-1)?.Key];
    if (first !== undefined && (firstKeys.has(first) || isUpTo(first, from.StartAfter)))
      throw refuse(
        `the store listed the same page of objects again (from "${first}" on) instead of the next one, ` +
          'as stores that support only version 1 of ListObjects do. Name the files one by one',
      );
    if (first !== undefined) firstKeys.add(first);
    yield* objects;
    listed += objects.length;
    if (listed > maxObjects)
      throw refuse(`the listing has more than ${maxObjects} objects: use a longer prefix`);
    if (IsTruncated !== true) return;
    emptyPages = first === undefined ? emptyPages + 1 : 0;
    if (tokens.has(token) || emptyPages > maxEmptyPages)
      throw refuse('the store keeps continuing its list of objects from the same place');
    if (token !== '') tokens.add(token);
    else if (last === undefined)
      throw refuse('the store says that its list of objects continues, but not from where');
    from = token === '' && last !== undefined ? { StartAfter: last } : { ContinuationToken: token };
  }
}

/** Whether a key is at or before another one in the order of S3, which is that of UTF-8. */
function isUpTo(key: string, other: string | undefined): boolean {
  return other !== undefined && Buffer.compare(Buffer.from(key), Buffer.from(other)) <= 0;
}
