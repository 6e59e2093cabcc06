// The limits of each kind of embedding server are learned from its refusals, and a text's vector depends only
// on the text and the server.

import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Settings } from '../../../run/settings.ts';
import { parseSettings } from '../../../run/read-settings.ts';
import type { Truncation } from '../../../models/embedder.ts';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { rounds } from '../../long.ts';
import {
  countTokens,
  dimensions,
  type EmbeddingServer,
  type Kind,
  openEmbeddingServer,
  vectorOf,
} from './embedding-servers.ts';
import { kinds, tokensAtMost } from './embedding-kinds.ts';
import { type Embedder, normalizeRows } from '../../../models/embedder.ts';

const open: EmbeddingServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function start(kind: Kind, delayMs?: (number: number) => number): Promise<EmbeddingServer> {
  const server = await openEmbeddingServer(kind, delayMs);
  open.push(server);
  return server;
}

function embedding(model: string, more: Readonly<Record<string, unknown>> = {}): Settings['embedding'] {
  return parseSettings(
    JSON.stringify({
      corpus: { files: ['a'] },
      benchmarks: [{ name: 'b', files: ['b'] }],
      embedding: { model, endpointModel: 'm', ...more },
    }),
    '',
  ).embedding;
}

const pace = { attempts: 2, firstWaitMs: 1, longestWaitMs: 2 };

function unit(text: string): number[] {
  const vector = Float32Array.from(vectorOf(text));
  normalizeRows(vector, dimensions);
  return [...vector];
}

interface Embedded {
  rows: number[][];
  cuts: Map<number, Truncation>;
  refused: Map<number, string>;
}

async function embedAll(embedder: Embedder, texts: readonly string[]): Promise<Embedded> {
  const cuts = new Map<number, Truncation>();
  const refused = new Map<number, string>();
  const vectors = await embedder.embed(texts, {
    cut: (text, cut) => cuts.set(text, cut),
    refused: (text, reason) => refused.set(text, reason),
  });
  return {
    rows: texts.map((_, i) => [...vectors.subarray(i * dimensions, (i + 1) * dimensions)]),
    cuts,
    refused,
  };
}

const plain = Array.from(
  { length: 150 },
  (_, i) => `a text of ordinary words, number ${i} ${'and so on '.repeat(i % 9)}`,
);
const dense = Array.from({ length: 20 }, (_, i) =>
  String.fromCodePoint(
    ...Array.from({ length: 700 + 20 * i }, (_, k) => 0x4e00 + ((i * 131 + k * 7) % 8000)),
  ),
);
/** Surrogate pairs, which truncation must not split. */
const faces = '\u{1f600}'.repeat(600);

type Name = keyof typeof kinds;
const bases: Partial<Record<Name, string>> = {
  Gemini: '/v1beta/openai',
  'Ollama, /api/embed': '/api/embed',
  TEI: '/v1',
  vLLM: '/v1/embeddings/',
};
const cutting: readonly Name[] = ['TEI', 'vLLM', 'vLLM, earlier', 'Ollama', 'llama.cpp', 'OpenAI'];
const names = Object.entries(kinds).map(([name, kind]): [string, Kind, string, boolean] => [
  name,
  kind,
  Object.entries(bases).find(([other]) => other === name)?.[1] ?? '',
  cutting.some((other) => other === name),
]);

describe('an endpoint of the kind', () => {
  it.each(names)(
    '%s gets all texts embedded, each in full or truncated to its limit',
    async (_name, kind, base, cuts) => {
      const server = await start(kind);
      const embedder = await openEndpoint(embedding(server.url + base, { textsPerRequest: 150 }), pace);
      const texts = [...plain, ...dense, faces];
      const found = await embedAll(embedder, texts);
      for (const [i, text] of texts.entries()) {
        const whole = text.slice(0, 1024);
        const { from, to } = found.cuts.get(i) ?? { from: whole.length, to: whole.length };
        expect(from).toBe(whole.length);
        expect(found.rows[i]).toEqual(unit(whole.slice(0, to)));
        expect(whole.slice(0, to).isWellFormed()).toBe(true);
        // Truncation only if necessary, and by little more than necessary, or by less than half again if the
        // server does not count tokens.
        expect(found.cuts.has(i)).toBe(cuts && countTokens(whole) > tokensAtMost);
        if (found.cuts.has(i)) expect(countTokens(whole.slice(0, to))).toBeGreaterThan(tokensAtMost / 4);
      }
      expect(found.refused.size).toBe(0);
      expect((await embedAll(embedder, texts)).rows).toEqual(found.rows);
    },
  );

  it('TEI gets its number of texts per request after the first refusal', async () => {
    const { url, asked } = await start(kinds.TEI);
    const embedder = await openEndpoint(embedding(url, { requestsAtOnce: 4 }), pace);
    await embedAll(
      embedder,
      Array.from({ length: 1000 }, (_, i) => `text ${i}`),
    );
    const sizes = asked.map(({ input }) => input.length);
    // At most the four requests already in progress.
    expect(sizes.filter((size) => size > 32).length).toBeLessThanOrEqual(4);
    expect(sizes.filter((size) => size === 32).length).toBe(31);
    const before = asked.length;
    await embedAll(embedder, plain);
    expect(asked.slice(before).map(({ input }) => input.length)).toEqual([32, 32, 32, 32, 22]);
  });

  it('one that limits texts without saying the number gets half as many each time', async () => {
    const { url, asked } = await start(kinds['says no number']);
    const embedder = await openEndpoint(embedding(url, { requestsAtOnce: 1 }), pace);
    await embedAll(embedder, plain);
    expect(asked.slice(1, 5).map(({ input }) => input.length)).toEqual([64, 32, 16, 8]);
    expect(asked.slice(5).every(({ input }) => input.length <= 8)).toBe(true);
  });

  it('vLLM, which does not count the excess, gets halves', async () => {
    const { url, asked } = await start(kinds.vLLM);
    const embedder = await openEndpoint(embedding(url), pace);
    expect((await embedAll(embedder, dense.slice(10, 11))).cuts.get(0)?.to).toBe(450);
    expect(asked.map(({ input: [text = ''] }) => text.length)).toEqual([10, 900, 450]);
  });

  it('TEI keeps nearly all that it accepts of a text, without repeated attempts for each text', async () => {
    const { url, asked } = await start(kinds.TEI);
    const embedder = await openEndpoint(embedding(url), pace);
    const { cuts } = await embedAll(embedder, [...plain, ...dense]);
    expect(cuts.size).toBe(20);
    for (const { to } of cuts.values()) expect(to).toBeGreaterThan(0.94 * (tokensAtMost - 2));
    expect(asked.length).toBeLessThan(90);
  });

  it('Ollama that gives NaN for a text refuses only that text, and it is reported', async () => {
    const { url } = await start(kinds.Ollama);
    const embedder = await openEndpoint(embedding(url), pace);
    const texts = plain.map((text, i) => (i === 77 ? 'not a number' : text));
    const { rows, refused } = await embedAll(embedder, texts);
    expect([...refused]).toEqual([[77, 'HTTP 500 failed to encode response: json: unsupported value: NaN']]);
    expect(rows[77]).toEqual(new Array(dimensions).fill(0));
    expect(rows[78]).toEqual(unit(texts[78] ?? ''));
    await expect(embedder.embed(texts)).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: expect.stringMatching(/it refused the text "not a number": HTTP 500 .*NaN.*fix this/),
    });
  });

  it('Ollama immediately reports a missing model', async () => {
    const { url, asked } = await start(kinds.Ollama);
    await expect(openEndpoint(embedding(url, { endpointModel: 'other' }), pace)).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: expect.stringContaining('HTTP 404 model "other" not found, try pulling it first.'),
    });
    expect(asked.length).toBe(1);
  });

  it('LM Studio reports an unknown address with status 200', async () => {
    const { url } = await start(kinds['LM Studio']);
    await expect(openEndpoint(embedding(`${url}/v2`), pace)).rejects.toMatchObject({
      message: expect.stringContaining('Unexpected endpoint or method. (POST /v2/embeddings)'),
    });
  });
});

describe('a vector', () => {
  const letters = fc.constantFrom('a', ' ', '7', '漢', '\u{1f600}', 'é');
  const text = fc.array(letters, { maxLength: 60 }).map((all) => all.join(''));
  const wordings = [
    (given: number) => `\`inputs\` must have less than 20 tokens. Given: ${given}`,
    () => 'maximum input length of 20 tokens',
    () => 'the input length exceeds the context length',
  ];

  it('does not depend on the other texts, the number of requests at once, or the order of answers', async () => {
    let [words, delays] = [0, [0]];
    // Accepts 3 texts of 20 tokens, with the messages of TEI, vLLM or Ollama.
    const refuse: Kind['refuse'] = ({ input }) => {
      if (input.length > 3)
        return [422, { message: `batch size ${input.length} > maximum allowed batch size 3` }];
      const long = input.map(countTokens).find((tokens) => tokens > 20);
      return long === undefined ? undefined : [400, { message: wordings[words]?.(long) }];
    };
    const { url } = await start({ refuse }, (number) => delays[number % delays.length] ?? 0);
    const alone = await openEndpoint(
      embedding(url, { textsPerRequest: 1, requestsAtOnce: 1, maxTokens: 10 }),
      pace,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 40 }),
        fc.nat(2),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(4), { minLength: 1, maxLength: 7 }),
        async (texts, wording, textsPerRequest, requestsAtOnce, waits) => {
          [words, delays] = [wording, [0]];
          const expected: number[][] = [];
          for (const one of texts) expected.push(...(await embedAll(alone, [one])).rows);
          delays = waits;
          const together = await openEndpoint(
            embedding(url, { textsPerRequest, requestsAtOnce, maxTokens: 10 }),
            pace,
          );
          expect((await embedAll(together, texts)).rows).toEqual(expected);
        },
      ),
      { numRuns: rounds(100) },
    );
  });
});
