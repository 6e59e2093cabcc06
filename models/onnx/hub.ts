// The model hub: its address, its cache, and reading a small file of a model that the library does not fetch.

import { join } from 'node:path';
import { findInCache, openCache } from '../../data/remote/cache-folder.ts';
import { commitBytes } from '../../data/files/commit.ts';
import { ifThere } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import { fetch } from '../../data/remote/http.ts';
import type { Transformers } from './transformers-library.ts';

const timeoutMs = 60_000;

/** Points the library to the hub, the user's cache (so nothing is fetched twice), and the proxies. */
export function setUpHub({ env }: Transformers): void {
  env.remoteHost = hubAddress();
  env.fetch = fetch;
  const known = findInCache('hub');
  try {
    env.cacheDir = known ?? join(openCache(), 'hub');
  } catch {
    // Models in folders and the default model do not need this.
    env.useFSCache = false;
  }
}

/** The hub's address; HF_ENDPOINT sets a mirror. */
function hubAddress(): string {
  const { HF_ENDPOINT } = process.env;
  return HF_ENDPOINT === undefined || HF_ENDPOINT === ''
    ? 'https://huggingface.co/'
    : `${HF_ENDPOINT.replace(/(?<!\/)\/+$/, '')}/`;
}

/**
 * The text of a model's file on the hub or in the cache; undefined if the model has no such file. Throws if
 * the hub does not answer.
 */
export async function readHubFile(model: string, file: string): Promise<string | undefined> {
  const cached = findInCache('hub', model, file);
  const known = cached === undefined ? undefined : await ifThere(readRegular(cached, 'utf8'));
  if (known !== undefined) return known === '' ? undefined : known;
  const token = process.env['HF_TOKEN'];
  const response = await fetch(new URL(`${model}/resolve/main/${file}`, hubAddress()), {
    signal: AbortSignal.timeout(timeoutMs),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  if (!response.ok && response.status !== 404) throw new Error(`HTTP ${response.status}`);
  // An empty file records that there is none.
  const text = response.ok ? await response.text() : '';
  await commitBytes(join(openCache(), 'hub', model, file), text);
  return text === '' ? undefined : text;
}
