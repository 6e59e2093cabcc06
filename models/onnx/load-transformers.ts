// Loads transformers.js, which takes a while, for the first model that needs it.

import './no-telemetry.ts';
import { setUpHub } from './hub.ts';

export type Transformers = typeof import('@huggingface/transformers');

/** transformers.js, pointed to the hub and to the cache. What goes wrong it throws; it need not print it, with all of its inputs. */
export async function loadTransformers(): Promise<Transformers> {
  setUpHub();
  const library = await import('@huggingface/transformers');
  library.env.logLevel = library.LogLevel.NONE;
  return library;
}
