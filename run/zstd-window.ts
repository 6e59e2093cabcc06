// The largest Zstandard window that this process reads, and the bounds of that setting.

import { setEnvironmentData } from 'node:worker_threads';
import { z } from 'zod';

export const defaultWindowMegabytes = 1024;

/** No decoder takes a larger window. */
export const mostWindowMegabytes = 2048;

export const limitKey = 'corpus.windowMegabytes';

/**
 * Sets the largest window that is read in this process, and in threads that it starts later: what a window
 * takes is the process's memory.
 */
export function limitZstdWindow(megabytes: number): void {
  setEnvironmentData(limitKey, megabytes);
}

export const limit = z.number().catch(defaultWindowMegabytes);
