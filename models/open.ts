// Opens the embedder in the settings: a transformer on this machine, or an OpenAI-compatible endpoint.

import type { Report } from '../run/progress.ts';
import type { Settings } from '../run/settings.ts';
import { openEndpoint } from './endpoint/embedder.ts';
import type { Embedder } from './embedder.ts';

/**
 * How much of a text is in its vector, in UTF-16 code units: `from` within embedding.maxTokens, `to` of
 * these in the vector.
 */
export interface Truncation {
  from: number;
  to: number;
}

/** Events for single texts, by their position in the input. */
export interface EmbedNotes {
  /** The text was longer than the embedder accepts. */
  cut?: (text: number, cut: Truncation) => void;
  /** The embedder refuses the text at any length; its row is zeros. Without this listener, `embed` fails. */
  refused?: (text: number, reason: string) => void;
}

/**
 * Opens the embedder in the settings; relative folders start from `baseFolder`. Errors: DEVICE_UNAVAILABLE,
 * MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE, ENDPOINT_FAILED.
 */
export async function openEmbedder(
  settings: Settings['embedding'],
  baseFolder: string,
  report: Report,
): Promise<Embedder> {
  report({ stage: 'load the embedding model', done: 0, unit: 'documents' });
  if (/^https?:\/\//.test(settings.model)) return openEndpoint(settings);
  // Imported lazily: its libraries load slowly, and endpoints do not need them.
  const { openTransformer } = await import('./onnx/embedder.ts');
  return openTransformer(settings, baseFolder);
}
