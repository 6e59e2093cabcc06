// What a server of language models answers: JSON of a schema, or a failure.

import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { EndpointProblem } from './exchange.ts';
import type { Quote } from './quote.ts';
import { readRefusal } from './refusal.ts';

const charactersOfAnswer = 200;

const promptSchema = z
  .union([
    z.object({ prompt: z.union([z.string(), z.array(z.number())]) }).transform(({ prompt }) => prompt),
    z
      .object({ messages: z.array(z.object({ content: z.string() })) })
      .transform(({ messages }) => messages.map(({ content }) => content).join('')),
  ])
  .optional()
  .catch(undefined);
/** Room for a chat template and a beginning token. */
const templateTokens = 256;

/** Whether a prompt fits for sure: a token is at least a byte. */
export function isPlainlyShort(body: unknown, contextTokens: number | null): boolean {
  if (contextTokens === null) return false;
  const prompt = promptSchema.parse(body);
  if (prompt === undefined) return false;
  const most = typeof prompt === 'string' ? Buffer.byteLength(prompt) : prompt.length;
  return most + templateTokens < contextTokens;
}

/** A key: in a string, its first quotation mark would follow a backslash. */
const choicesKey = /(?<!\\)"choices"\s*:/g;

export function readJson<T>(text: string, schema: z.ZodType<T>, quote: Quote): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's error contains a part of the answer, so it is no cause.
    throw new EndpointProblem(
      'passing',
      `its answer is not complete JSON: ${quote(text, charactersOfAnswer)}`,
      { isCut: true },
    );
  }
  if ((text.match(choicesKey)?.length ?? 0) > 1)
    throw new EndpointProblem('answer', 'its answer has "choices" more than once');
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new EndpointProblem(
    'answer',
    `its answer has an unexpected format: ${quote(text, charactersOfAnswer)}`,
  );
}

const ofModelName = /\bmodel\b.{0,200}\b(?:not exist|not found|not available|unknown)/i;

/** Turns a failure into an error of the catalog, except answers and refusals that the caller may handle. */
export function toError(
  error: unknown,
  {
    shown,
    model,
    keys,
    isShort,
  }: { shown: string; model: string; keys: readonly string[]; isShort: boolean },
): unknown {
  if (!(error instanceof EndpointProblem)) return error;
  const problem = error.message;
  if (error.kind === 'key')
    return fail('LANGUAGE_MODEL_KEY', { url: shown, problem, variables: keys.join(' or ') }, error);
  if (error.kind === 'passing')
    return fail(
      error.isCut ? 'LANGUAGE_MODEL_CUT_OFF' : 'LANGUAGE_MODEL_UNREACHABLE',
      { url: shown, problem },
      error,
    );
  if (error.kind === 'answer') return error;
  if (ofModelName.test(error.said))
    return fail(
      'LANGUAGE_MODEL_NAME',
      { url: shown, asked: model, known: `other models (${error.said})` },
      error,
    );
  if (!isShort && error.status !== undefined && readRefusal(error.status, error.said)?.kind === 'length') {
    return fail(
      'LANGUAGE_MODEL_QUESTION',
      { problem: `the prompt is too long for the server at ${shown} (${error.said})` },
      error,
    );
  }
  return error;
}
