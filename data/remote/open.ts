// Chooses the store of an address: one line for each kind of store.

import type { RemoteStore } from './store.ts';

/** The store of an address. */
export async function openStore(url: string): Promise<RemoteStore> {
  if (/^s3:/i.test(url)) return (await import('./s3.ts')).s3Store;
  return (await import('./https.ts')).httpsStore;
}
