// Where files that are fetched once are kept, for all runs of a user.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** BETR_CACHE, else betr/ in XDG_CACHE_HOME, else ~/.cache/betr. */
export function cacheFolder(): string {
  const { BETR_CACHE, XDG_CACHE_HOME } = process.env;
  if (BETR_CACHE !== undefined && BETR_CACHE !== '') return BETR_CACHE;
  return join(XDG_CACHE_HOME !== undefined && XDG_CACHE_HOME !== '' ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'betr');
}
