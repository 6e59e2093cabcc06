// Engines without betr: loops over prompts with nothing around them, to compare judges with.

import { InferenceSession, Tensor } from 'onnxruntime-node';
import { z } from 'zod';

/** What an engine did with some texts. */
export interface Timed {
  documents: number;
  seconds: number;
}

/** What a session has read of a text: all tokens, and the token that it found most likely after them. */
export interface Read {
  ids: bigint[];
  best: number;
}

const longs = z.object({ data: z.instanceof(BigInt64Array) });
const feedsSchema = z.object({
  input_ids: longs,
  'past_key_values.0.key': z.object({ dims: z.array(z.number()) }),
});
const logitsSchema = z.object({ logits: z.instanceof(Tensor) });

/**
 * Watches what the session of a language model reads while `work` runs. A pass without a past begins a text.
 * Throws if there was none.
 */
export async function watchSession(
  work: () => Promise<unknown>,
): Promise<{ session: InferenceSession; read: Read[] }> {
  const sessions: unknown = Reflect.get(InferenceSession, 'prototype');
  const run: unknown =
    typeof sessions === 'object' && sessions !== null ? Reflect.get(sessions, 'run') : null;
  if (typeof sessions !== 'object' || sessions === null || typeof run !== 'function')
    throw new Error('ONNX Runtime has no session to watch.');
  const seen = new Set<InferenceSession>();
  const read: Read[] = [];
  const watched = async function (this: InferenceSession, feeds: unknown, ...rest: unknown[]) {
    seen.add(this);
    const outputs: unknown = await Promise.resolve<unknown>(Reflect.apply(run, this, [feeds, ...rest]));
    const { input_ids: input, 'past_key_values.0.key': past } = feedsSchema.parse(feeds);
    const before = past.dims[2] ?? 0;
    if (before === 0) read.push({ ids: [], best: -1 });
    const text = read.at(-1);
    // A branch that begins further back reads the end of another answer.
    if (text?.ids.length === before) {
      text.ids.push(...input.data);
      text.best = bestOf(logitsSchema.parse(outputs).logits, 0, input.data.length);
    }
    return outputs;
  };
  Reflect.set(sessions, 'run', watched);
  try {
    await work();
  } finally {
    Reflect.set(sessions, 'run', run);
  }
  const [session] = seen;
  if (session === undefined)
    throw new Error('The model was not seen at work; the library has changed how it calls ONNX Runtime.');
  return { session, read };
}

/** The most likely token after the first `length` tokens of a row. */
function bestOf({ data, dims }: Tensor, row: number, length: number): number {
  const [, tokens = 0, width = 0] = dims;
  const logits = z.instanceof(Float32Array).parse(data);
  const from = (row * tokens + length - 1) * width;
  let best = 0;
  for (let i = 1; i < width; i++) if ((logits[from + i] ?? 0) > (logits[from + best] ?? 0)) best = i;
  return best;
}

/**
 * Reads texts in batches, shortest first, and finds the most likely token after each. Returns for how many texts
 * it is the one that the watched session gave.
 */
export async function runSession(
  session: InferenceSession,
  texts: readonly Read[],
  batch: number,
): Promise<Timed & { agreed: number }> {
  const startedMs = performance.now();
  let agreed = 0;
  const sorted = texts.toSorted((a, b) => a.ids.length - b.ids.length);
  for (let at = 0; at < sorted.length; at += batch) {
    const rows = sorted.slice(at, at + batch);
    const length = rows.at(-1)?.ids.length ?? 0;
    const ids = new BigInt64Array(rows.length * length);
    const mask = new BigInt64Array(rows.length * length);
    for (const [row, text] of rows.entries()) {
      ids.set(text.ids, row * length);
      mask.fill(1n, row * length, row * length + text.ids.length);
    }
    const feeds: Record<string, Tensor> = { ...emptyPast(session, rows.length) };
    feeds['input_ids'] = new Tensor('int64', ids, [rows.length, length]);
    feeds['attention_mask'] = new Tensor('int64', mask, [rows.length, length]);
    const { logits } = logitsSchema.parse(await session.run(feeds, ['logits']));
    for (const [row, text] of rows.entries())
      if (bestOf(logits, row, text.ids.length) === text.best) agreed++;
  }
  return { documents: texts.length, seconds: (performance.now() - startedMs) / 1000, agreed };
}

function emptyPast({ inputMetadata }: InferenceSession, rows: number): Record<string, Tensor> {
  const past: Record<string, Tensor> = {};
  for (const input of inputMetadata)
    if (input.isTensor && input.name.startsWith('past_key_values')) {
      const dims = input.shape.map((size, at) => (at === 0 ? rows : typeof size === 'number' ? size : 0));
      past[input.name] = new Tensor('float32', new Float32Array(0), dims);
    }
  return past;
}

/** Sends one request for each prompt, `atOnce` at a time, and parses the answers. */
export async function runRequests(
  prompts: readonly string[],
  request: (prompt: string) => Promise<unknown>,
  atOnce: number,
): Promise<Timed> {
  const startedMs = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < prompts.length) await request(prompts[next++] ?? '');
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { documents: prompts.length, seconds: (performance.now() - startedMs) / 1000 };
}
