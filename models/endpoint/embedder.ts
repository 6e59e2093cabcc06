// Any OpenAI-compatible embeddings endpoint (vLLM, TEI, Ollama …): several requests at once, each with as many texts as the server takes, each text as long as it
// takes. Promises: a text's vector depends on the text and the server alone, whatever is asked beside it and in which order answers come.

import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { Settings } from '../../run/settings.ts';
import type { EmbedNotes } from '../open.ts';
import { embeddingsUrl } from './address.ts';
import type { Refusal } from './refusal.ts';
import { defaultPace, type Pace } from './exchange.ts';
import { requestVectors } from './request.ts';
import { showPath } from '../../run/address.ts';
import { type Embedder, normalizeRows } from '../embedder.ts';

/** A token is seldom longer: a text is cut at this many characters for each token of embedding.maxTokens. */
const charactersPerToken = 4;
/** Lengths of vectors that float32 can make unit vectors of. */
const shortest = 1e-18;
const longest = 1e18;

/** A text on its way: its place among the texts asked for, and as much of it as is sent. */
interface Sending {
  place: number;
  text: string;
}

/** Opens an endpoint, asking it for one vector to learn the dimensions. `pace` is for tests. Errors: ENDPOINT_FAILED. */
export async function openEndpoint(settings: Settings['embedding'], pace: Pace = defaultPace): Promise<Embedder> {
  const url = embeddingsUrl(settings.model);
  const shown = showPath(url);
  const model = settings.endpointModel ?? 'default';
  const limit = settings.maxTokens * charactersPerToken;
  const failed = (problem: string): Error => fail('ENDPOINT_FAILED', { url: shown, problem, mayPass: false });
  const request = (texts: readonly string[]): Promise<number[][] | Refusal> => requestVectors({ url, model, timeoutMs: Math.ceil(settings.timeoutSeconds * 1000), pace }, texts);
  const first = await request(['dimensions']);
  if ('kind' in first) throw failed(first.reason);
  const dimensions = first[0]?.length ?? 0;
  /** What the server takes at a time, as learned from its refusals. */
  let textsPerRequest = settings.textsPerRequest;

  const embed = async (texts: readonly string[], notes: EmbedNotes): Promise<Float32Array> => {
    const wholes = texts.map((text) => cutText(text, limit).toWellFormed());
    const vectors = new Float32Array(texts.length * dimensions);
    // Texts of like length go together: servers pad less, and those that are too long are in few requests.
    const byLength = wholes.map((text, place) => ({ place, text, bytes: Buffer.byteLength(text) })).sort((a, b) => b.bytes - a.bytes);
    const batches: Sending[][] = [byLength];
    const shortened: Sending[] = [];
    let hasFailed = false;

    const take = (): Sending[] | undefined => {
      const batch = batches.pop() ?? shortened.splice(0);
      if (batch.length > textsPerRequest) batches.push(batch.splice(textsPerRequest));
      return batch.length === 0 ? undefined : batch;
    };
    const accept = (batch: readonly Sending[], rows: readonly (readonly number[])[]): void => {
      for (const [i, { place, text }] of batch.entries()) {
        const row = rows[i] ?? [];
        if (row.length !== dimensions) throw failed(`it gave a vector of ${row.length} numbers after one of ${dimensions}`);
        const length = Math.hypot(...row);
        if (!(length > shortest && length < longest)) throw failed(`it gave a vector of length ${length}, which has no direction, for the text "${text.slice(0, 60)}"`);
        vectors.set(row, place * dimensions);
        const from = wholes[place]?.length ?? 0;
        if (text.length < from) notes.cut?.(place, { from, to: text.length });
      }
    };
    const refuse = (batch: Sending[], refusal: Refusal): void => {
      const [only] = batch;
      if (batch.length > 1) {
        const half = Math.floor(batch.length / 2);
        if (refusal.kind === 'count') textsPerRequest = Math.min(textsPerRequest, refusal.limit !== undefined && refusal.limit < batch.length ? refusal.limit : half);
        else batches.push(batch.splice(half));
        batches.push(batch);
      } else if (only !== undefined) {
        // Alone, so that how it is cut is not up to the texts that happened to be asked with it.
        const text = refusal.kind === 'content' ? '' : shorten(only.text, refusal);
        if (text !== '') shortened.push({ ...only, text });
        else if (notes.refused === undefined) throw failed(`it refused the text "${only.text.slice(0, 60)}": ${refusal.reason}`);
        else notes.refused(only.place, refusal.reason);
      }
    };
    const work = async (): Promise<void> => {
      try {
        for (let batch = take(); batch !== undefined && !hasFailed; batch = take()) {
          const answer = await request(batch.map(({ text }) => text));
          if ('kind' in answer) refuse(batch, answer);
          else accept(batch, answer);
        }
      } catch (error) {
        // Nothing more is asked for once the whole has failed.
        hasFailed = true;
        throw error;
      }
    };
    await Promise.all(Array.from({ length: settings.requestsAtOnce }, work));
    normalizeRows(vectors, dimensions);
    return vectors;
  };

  return {
    name: settings.endpointModel ?? shown,
    fingerprint: fingerprint({ url, name: model, limit }),
    dimensions,
    device: 'endpoint',
    source: `endpoint ${shown}`,
    embed: (texts, notes = {}) => embed(texts, notes),
    close: () => Promise.resolve(),
  };
}

/** The first `length` UTF-16 code units, or one less where the last would be half of a character. */
function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/** As much of a text as should fit, by the tokens that the server counted in it and takes, else half of it; '' where nothing is left. Always shorter. */
function shorten(text: string, { limit, given }: Refusal): string {
  // The text's parts differ in tokens a character, so a little less than the share is asked for.
  const share = limit === undefined || given === undefined ? 0.5 : Math.min(0.95, Math.max(0.1, (0.95 * limit) / given));
  return cutText(text, Math.floor(text.length * share));
}
