// Parses the vectors in an endpoint's answer, one per text, in the order of the texts. Anything ambiguous is
// an error, because nobody would notice a vector assigned to the wrong text.

import { z } from 'zod';
import type { Quote } from '../quote.ts';

const itemSchema = z.object({
  index: z.number().int().nonnegative().nullish(),
  /** Numbers, or base64 of little-endian float32, which some servers send regardless of the request. */
  embedding: z.union([z.array(z.number()).min(1), z.string().min(1)]),
});
type Item = z.output<typeof itemSchema>;

const answerSchema = z.union([
  z.object({ data: z.array(itemSchema) }).transform(({ data }) => data),
  /** Ollama's own route. */
  z
    .object({ embeddings: z.array(z.array(z.number()).min(1)) })
    .transform(({ embeddings }) => embeddings.map((embedding): Item => ({ embedding }))),
]);

const shownCharacters = 200;

/** Throws, with the reason, if the answer does not have `count` vectors of finite numbers. */
export function readVectors(body: string, count: number, quote: Quote): number[][] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Error(`the answer is not JSON: ${quote(body, shownCharacters)}`);
  }
  const answer = answerSchema.safeParse(value);
  if (!answer.success)
    throw new Error(
      `the answer is not a list of embeddings of finite numbers: ${quote(body, shownCharacters)}`,
    );
  if (answer.data.length !== count)
    throw new Error(`the answer has ${answer.data.length} embeddings for ${count} texts`);
  return inOrder(answer.data).map(({ embedding }) =>
    typeof embedding === 'string' ? decodeBase64(embedding, quote) : embedding,
  );
}

/** By index if every item has one, by position if none has. */
function inOrder(items: readonly Item[]): readonly Item[] {
  if (items.every(({ index }) => index === undefined || index === null)) return items;
  const ordered: Item[] = [];
  for (const item of items) ordered[item.index ?? items.length] = item;
  const numbered = Array.from(items, (_, index) => ordered[index]).filter((item) => item !== undefined);
  if (numbered.length < items.length)
    throw new Error(
      `the answer's ${items.length} embeddings do not have the indexes 0 to ${items.length - 1}, each once`,
    );
  return numbered;
}

function decodeBase64(text: string, quote: Quote): number[] {
  const bytes = Buffer.from(text, 'base64');
  const numbers = Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readFloatLE(4 * i));
  // Buffer skips characters that are not base64.
  const isWhole =
    numbers.length > 0 &&
    bytes.length % 4 === 0 &&
    bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '');
  if (!isWhole || !numbers.every(Number.isFinite))
    throw new Error(
      `an embedding is not the base64 of finite float32 numbers: ${quote(text, shownCharacters)}`,
    );
  return numbers;
}
