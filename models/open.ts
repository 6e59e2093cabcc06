// Turns texts into unit vectors, by whatever the settings name: a transformer on this machine, or an
// OpenAI-compatible endpoint.

import type { Report } from '../run/progress.ts';
import type { Settings } from '../run/settings.ts';
import { openEndpoint } from './endpoint/embedder.ts';
import type { Embedder } from './embedder.ts';

/**
 * How much of a text is in its vector, in UTF-16 code units: the text within embedding.maxTokens, and what
 * was left of it.
 */
export interface Truncation {
  from: number;
  to: number;
}

/** What became of single texts, by their place among those given. */
export interface EmbedNotes {
  /** It was longer than the embedder takes. */
  cut?: (text: number, cut: Truncation) => void;
  /** The embedder takes it in no length; its row is zeros. Where nobody listens, `embed` fails. */
  refused?: (text: number, reason: string) => void;
}

/**
 * Opens the embedder that the settings name; relative folders start from `baseFolder`.
 * Errors: DEVICE_UNAVAILABLE, MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE, ENDPOINT_FAILED.
 */
export async function openEmbedder(
  settings: Settings['embedding'],
  baseFolder: string,
  report: Report,
): Promise<Embedder> {
  report({ stage: 'load the embedding model', done: 0, unit: 'documents' });
  if (/^https?:\/\//.test(settings.model)) return openEndpoint(settings);
  // Its libraries take a while to load, and who asks an endpoint does not need them.
  const { openTransformer } = await import('./onnx/embedder.ts');
  return openTransformer(settings, baseFolder);
}
