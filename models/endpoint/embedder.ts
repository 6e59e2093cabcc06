// Any OpenAI-compatible embeddings endpoint (vLLM, TEI, Ollama …). Sends several requests at once, each with
// as many texts as the server accepts, each text as long as it accepts. A text's vector depends only on the
// text and the server, not on the other texts or the order of answers.

import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { Settings } from '../../run/settings.ts';
import { embeddingsUrl } from './address.ts';
import type { Refusal } from './refusal.ts';
import type { Pace } from '../../data/remote/retry.ts';
import { defaultPace } from './exchange.ts';
import { type Endpoint, requestVectors } from './vectors/request-vectors.ts';
import { showPath } from '../../run/address.ts';
import { type Embedder, type EmbedNotes, normalizeRows } from '../embedder.ts';

/**
 * A token is rarely longer: texts are truncated at this many characters per token of embedding.maxTokens.
 */
const charactersPerToken = 4;
/** Range of vector lengths that float32 can normalize. */
const shortest = 1e-18;
const longest = 1e18;

/** A text in progress: its position in the input, and the part of it to send. */
interface Sending {
  place: number;
  text: string;
}

/**
 * Opens an endpoint and requests one vector to learn the dimensions. Tests set `pace`. Errors:
 * ENDPOINT_FAILED.
 */
export async function openEndpoint(
  settings: Settings['embedding'],
  pace: Pace = defaultPace,
): Promise<Embedder> {
  const url = embeddingsUrl(settings.model);
  const endpoint = {
    url,
    model: settings.endpointModel ?? 'default',
    timeoutMs: Math.ceil(settings.timeoutSeconds * 1000),
    pace,
  };
  const first = await requestVectors(endpoint, ['dimensions']);
  if ('kind' in first) throw failed(url, first.reason);
  return new EndpointEmbedder(endpoint, settings, first[0]?.length ?? 0);
}

function failed(url: string, problem: string): Error {
  return fail('ENDPOINT_FAILED', { url: showPath(url), problem, mayPass: false });
}

class EndpointEmbedder implements Embedder {
  readonly name: string;
  readonly fingerprint: string;
  readonly dimensions: number;
  readonly device = 'endpoint';
  readonly source: string;
  readonly endpoint: Endpoint;
  readonly requestsAtOnce: number;
  /** The server's limits, as learned from its refusals. */
  textsPerRequest: number;
  readonly #limit: number;

  constructor(
    endpoint: Endpoint,
    { endpointModel, maxTokens, requestsAtOnce, textsPerRequest }: Settings['embedding'],
    dimensions: number,
  ) {
    const { url, model } = endpoint;
    this.#limit = maxTokens * charactersPerToken;
    this.name = endpointModel ?? showPath(url);
    this.fingerprint = fingerprint({ url, name: model, limit: this.#limit });
    this.dimensions = dimensions;
    this.source = `endpoint ${showPath(url)}`;
    this.endpoint = endpoint;
    this.requestsAtOnce = requestsAtOnce;
    this.textsPerRequest = textsPerRequest;
  }

  async embed(texts: readonly string[], notes: EmbedNotes = {}): Promise<Float32Array> {
    const vectors = await new Sendout(
      this,
      texts.map((text) => cutText(text, this.#limit).toWellFormed()),
      notes,
    ).run();
    normalizeRows(vectors, this.dimensions);
    return vectors;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Requests the vectors of some texts. */
class Sendout {
  readonly #embedder: EndpointEmbedder;
  readonly #texts: readonly string[];
  readonly #notes: EmbedNotes;
  readonly #vectors: Float32Array;
  readonly #batches: Sending[][];
  readonly #shortened: Sending[] = [];
  #hasFailed = false;

  constructor(embedder: EndpointEmbedder, texts: readonly string[], notes: EmbedNotes) {
    this.#embedder = embedder;
    this.#texts = texts;
    this.#notes = notes;
    this.#vectors = new Float32Array(texts.length * embedder.dimensions);
    // Groups texts of similar length: servers pad less, and texts that are too long share few requests.
    this.#batches = [
      texts
        .map((text, place) => ({ place, text, bytes: Buffer.byteLength(text) }))
        .sort((a, b) => b.bytes - a.bytes),
    ];
  }

  async run(): Promise<Float32Array> {
    await Promise.all(Array.from({ length: this.#embedder.requestsAtOnce }, () => this.#work()));
    return this.#vectors;
  }

  async #work(): Promise<void> {
    try {
      for (let batch = this.#take(); batch !== undefined && !this.#hasFailed; batch = this.#take()) {
        const answer = await requestVectors(
          this.#embedder.endpoint,
          batch.map(({ text }) => text),
        );
        if ('kind' in answer) this.#refuse(batch, answer);
        else this.#accept(batch, answer);
      }
    } catch (error) {
      // Sends no further requests after a failure.
      this.#hasFailed = true;
      throw error;
    }
  }

  #take(): Sending[] | undefined {
    const batch = this.#batches.pop() ?? this.#shortened.splice(0);
    const most = this.#embedder.textsPerRequest;
    if (batch.length > most) this.#batches.push(batch.splice(most));
    return batch.length === 0 ? undefined : batch;
  }

  #accept(batch: readonly Sending[], rows: readonly (readonly number[])[]): void {
    const { dimensions, endpoint } = this.#embedder;
    for (const [i, { place, text }] of batch.entries()) {
      const row = rows[i] ?? [];
      if (row.length !== dimensions)
        throw failed(endpoint.url, `it gave a vector of ${row.length} numbers after one of ${dimensions}`);
      const length = Math.hypot(...row);
      if (!(length > shortest && length < longest))
        throw failed(
          endpoint.url,
          `it gave a vector of length ${length}, which has no direction, for the text ` +
            `"${text.slice(0, 60)}"`,
        );
      this.#vectors.set(row, place * dimensions);
      const from = this.#texts[place]?.length ?? 0;
      if (text.length < from) this.#notes.cut?.(place, { from, to: text.length });
    }
  }

  #refuse(batch: Sending[], refusal: Refusal): void {
    const [only] = batch;
    if (batch.length > 1) {
      const half = Math.floor(batch.length / 2);
      if (refusal.kind === 'count')
        this.#embedder.textsPerRequest = Math.min(
          this.#embedder.textsPerRequest,
          refusal.limit !== undefined && refusal.limit < batch.length ? refusal.limit : half,
        );
      else this.#batches.push(batch.splice(half));
      this.#batches.push(batch);
    } else if (only !== undefined) {
      // Retries the text alone, so its truncation does not depend on other texts in the request.
      const text = refusal.kind === 'content' ? '' : shorten(only.text, refusal);
      if (text !== '') this.#shortened.push({ ...only, text });
      else if (this.#notes.refused === undefined)
        throw failed(
          this.#embedder.endpoint.url,
          `it refused the text "${only.text.slice(0, 60)}": ${refusal.reason}`,
        );
      else this.#notes.refused(only.place, refusal.reason);
    }
  }
}

/** The first `length` UTF-16 code units, or one less to avoid splitting a character. */
function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

/**
 * As much of a text as should fit: by the server's token count and limit if it reported them, otherwise
 * half; '' if nothing is left. Always shorter than before.
 */
function shorten(text: string, { limit, given }: Refusal): string {
  // Parts of a text differ in tokens per character, so take slightly less than the share.
  const share =
    limit === undefined || given === undefined ? 0.5 : Math.min(0.95, Math.max(0.1, (0.95 * limit) / given));
  return cutText(text, Math.floor(text.length * share));
}
