// Observes the leases of other processes and removes those of lost holders.

import { rm } from 'node:fs/promises';
import { createLease } from './lease.ts';
import { isGone, parseHolder, readLease } from './lease-holder.ts';

export interface LeaseWatch {
  /**
   * Whether the lease at `path` is free: it does not exist, or its holder is lost and the lease is now
   * removed. Call it repeatedly, because it compares the lease with the last call.
   */
  isFree(path: string): Promise<boolean>;
}

/** Opens an observer that considers a holder lost after `lostMs` without a beat. */
export function watchLeases(lostMs: number): LeaseWatch {
  const seen = new Map<string, { text: string; sinceMs: number }>();
  /** The text of a lease whose holder is lost; otherwise undefined. */
  const findLost = async (path: string): Promise<string | undefined> => {
    const text = await readLease(path);
    const known = seen.get(path);
    if (text === undefined) seen.delete(path);
    else if (known?.text !== text) seen.set(path, { text, sinceMs: performance.now() });
    const isStill = text !== undefined && known?.text === text && performance.now() - known.sinceMs > lostMs;
    return isStill || isGone(parseHolder(text ?? '')) ? text : undefined;
  };
  /**
   * Removes a lease unless it has been replaced. A guard lease prevents a second process from then removing
   * the new one.
   */
  const remove = async (path: string, text: string): Promise<boolean> => {
    const guard = `${path}.takeover`;
    if (!(await createLease(guard))) {
      if ((await findLost(guard)) !== undefined) await rm(guard, { force: true });
      return false;
    }
    try {
      if ((await readLease(path)) !== text) return false;
      await rm(path, { force: true });
      seen.delete(path);
      return true;
    } finally {
      await rm(guard, { force: true });
    }
  };
  return {
    async isFree(path) {
      const text = await findLost(path);
      return text === undefined ? !seen.has(path) : remove(path, text);
    },
  };
}
