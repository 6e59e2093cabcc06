// The largest Zstandard window that this process accepts, and the bounds of the setting.

import { setEnvironmentData } from 'node:worker_threads';
import { z } from 'zod';

export const defaultWindowMegabytes = 1024;

/** No decoder supports a larger window. */
export const maxWindowMegabytes = 2048;

export const limitKey = 'corpus.windowMegabytes';

/**
 * Sets the largest window for this process and for threads that it starts later; a window takes memory of the
 * whole process.
 */
export function limitZstdWindow(megabytes: number): void {
  setEnvironmentData(limitKey, megabytes);
}

export const limit = z.number().catch(defaultWindowMegabytes);
