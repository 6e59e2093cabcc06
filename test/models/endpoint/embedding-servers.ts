// Stand-ins for embedding servers: each accepts, refuses and answers as its documentation and source say
// (docs/endpoints.md has the same table as text).

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { z } from 'zod';

export interface Asked {
  model: string;
  input: string[];
}

/** A status and a body, JSON unless it is a string; undefined for the vectors of all texts. */
type Answer = [status: number, body: unknown] | undefined;

export interface Kind {
  /** Refuses, or returns nothing. */
  refuse?: (asked: Asked, route: string) => Answer;
  /** The body of a success. */
  answer?: (vectors: readonly (readonly number[])[]) => unknown;
}

export const dimensions = 8;

/**
 * One for each character beyond ASCII, one for four others, and two for the text: about what subword
 * vocabularies give.
 */
export function countTokens(text: string): number {
  const all = Array.from(text);
  const dense = all.filter((character) => character.charCodeAt(0) > 127).length;
  return dense + Math.ceil((all.length - dense) / 4) + 2;
}

/** A different direction for every text. */
export function vectorOf(text: string): number[] {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length: dimensions }, (_, i) => (digest.readInt16LE(2 * i) + 0.5) / 32_768);
}

function list(vectors: readonly (readonly number[])[]): unknown {
  return {
    object: 'list',
    model: 'm',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  };
}

function longest(texts: readonly string[]): number {
  return Math.max(...texts.map(countTokens));
}

/** Tokens that each stand-in accepts per text, like BERT models. */
export const tokensAtMost = 512;

export const kinds = {
  // Text Embeddings Inference: router/src/http/server.rs, core/src/tokenization.rs; --max-client-batch-size
  // 32, --payload-limit 2 MB.
  TEI: {
    refuse({ input }) {
      if (Buffer.byteLength(JSON.stringify(input)) > 2_000_000)
        return [413, 'Failed to buffer the request body: length limit exceeded'];
      if (input.length > 32)
        return [
          413,
          {
            message: `batch size ${input.length} > maximum allowed batch size 32`,
            code: 413,
            type: 'Validation',
          },
        ];
      const long = input.map(countTokens).find((tokens) => tokens > tokensAtMost);
      if (long !== undefined)
        return [
          413,
          {
            message: `Input validation error: \`inputs\` must have less than ${tokensAtMost} tokens. Given: ${long}`,
            code: 413,
            type: 'Validation',
          },
        ];
      return input.includes('')
        ? [
            413,
            { message: 'Input validation error: `inputs` cannot be empty', code: 413, type: 'Validation' },
          ]
        : undefined;
    },
  },
  // vllm/renderers/params.py: it stops counting one token above its limit.
  vLLM: {
    refuse: ({ input }) =>
      longest(input) > tokensAtMost
        ? [
            400,
            {
              error: {
                message:
                  `You passed ${tokensAtMost + 1} input tokens and requested 0 output tokens. ` +
                  `However, the model's context length is only ${tokensAtMost} tokens, resulting in a maximum ` +
                  `input length of ${tokensAtMost} tokens. Please reduce the length of the input prompt.`,
                type: 'BadRequestError',
                param: 'input_tokens',
                code: 400,
              },
            },
          ]
        : undefined,
  },
  // Earlier versions.
  'vLLM, earlier': {
    refuse: ({ input }) =>
      longest(input) > tokensAtMost
        ? [
            400,
            {
              object: 'error',
              message:
                `This model's maximum context length is ${tokensAtMost} tokens. However, you ` +
                `requested ${longest(input)} tokens in the input for embedding generation. Please reduce the ` +
                'length of the input.',
              type: 'BadRequestError',
              param: null,
              code: 400,
            },
          ]
        : undefined,
  },
  // Since 0.13.5 it no longer truncates; a text for which the model gives NaN is a 500.
  Ollama: {
    refuse({ input, model }) {
      if (model !== 'm')
        return [
          404,
          {
            error: {
              message: `model "${model}" not found, try pulling it first`,
              type: 'not_found_error',
              param: null,
              code: null,
            },
          },
        ];
      if (input.some((text) => text.includes('not a number')))
        return [
          500,
          {
            error: {
              message: 'failed to encode response: json: unsupported value: NaN',
              type: 'api_error',
              param: null,
              code: null,
            },
          },
        ];
      return longest(input) > tokensAtMost
        ? [
            400,
            {
              error: {
                message: 'the input length exceeds the context length',
                type: 'invalid_request_error',
                param: null,
                code: null,
              },
            },
          ]
        : undefined;
    },
  },
  // Its own route, /api/embed, with a different answer.
  'Ollama, /api/embed': {
    refuse: (_asked, route) => (route === '/api/embed' ? undefined : [404, '404 page not found']),
    answer: (vectors) => ({ model: 'm', embeddings: vectors }),
  },
  // tools/server: the limit is that of -ub, and its status is 500.
  'llama.cpp': {
    refuse: ({ input }) =>
      longest(input) > tokensAtMost
        ? [
            500,
            {
              error: {
                code: 500,
                message:
                  `input (${longest(input)} tokens) is too large to process. increase the ` +
                  `physical batch size (current batch size: ${tokensAtMost})`,
                type: 'server_error',
              },
            },
          ]
        : undefined,
  },
  // Truncates silently (only its log says so); an unknown route gives 200 and an error.
  'LM Studio': {
    refuse: (_asked, route) =>
      route === '/v1/embeddings'
        ? undefined
        : [200, { error: `Unexpected endpoint or method. (POST ${route})` }],
  },
  // generativelanguage.googleapis.com/v1beta/openai: no index.
  Gemini: {
    refuse({ input }, route) {
      if (route !== '/v1beta/openai/embeddings') return [404, ''];
      return input.length > 100
        ? [
            400,
            {
              error: {
                code: 400,
                message: '* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n',
                status: 'INVALID_ARGUMENT',
              },
            },
          ]
        : undefined;
    },
    answer: (vectors) => ({
      object: 'list',
      data: vectors.map((embedding) => ({ object: 'embedding', embedding })),
      model: 'm',
    }),
  },
  OpenAI: {
    refuse({ input }) {
      if (input.length > 2048)
        return [
          400,
          {
            error: {
              message:
                `Invalid 'input': array too long. Expected an array with maximum length 2048, ` +
                `but got an array with length ${input.length} instead.`,
              type: 'invalid_request_error',
              param: 'input',
              code: 'array_above_max_length',
            },
          },
        ];
      const long = input.findIndex((text) => countTokens(text) > tokensAtMost);
      return long === -1
        ? undefined
        : [
            400,
            {
              error: {
                message: `Invalid 'input[${long}]': maximum input length is ${tokensAtMost} tokens.`,
                type: 'invalid_request_error',
                param: null,
                code: null,
              },
            },
          ];
    },
    answer: (vectors) => ({
      object: 'list',
      model: 'm',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: Buffer.from(Float32Array.from(vector).buffer).toString('base64'),
      })),
    }),
  },
  DashScope: {
    refuse: ({ input }) =>
      input.length > 10
        ? [
            400,
            {
              error: {
                message:
                  '<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it ' +
                  'should not be larger than 10.: input.contents',
                type: 'InvalidParameter',
                param: null,
                code: 'InvalidParameter',
              },
            },
          ]
        : undefined,
  },
  // Azure, Mistral, Cohere: others that limit the number of texts, with messages of their own.
  'says no number': {
    refuse: ({ input }) =>
      input.length > 12
        ? [400, { message: 'Too many inputs in request, split into more batches.', code: 3210 }]
        : undefined,
  },
  'behind a proxy that limits the body': {
    refuse: ({ input }) =>
      Buffer.byteLength(JSON.stringify(input)) > 4000
        ? [413, '<html><center><h1>413 Request Entity Too Large</h1></center></html>']
        : undefined,
  },
} satisfies Record<string, Kind>;

export interface EmbeddingServer {
  url: string;
  asked: Asked[];
  close: () => Promise<void>;
}

const requestSchema = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.literal('float'),
});

/** `delayMs` is the delay of a request's answer, to make answers arrive out of order. */
export async function openEmbeddingServer(
  { refuse, answer = list }: Kind,
  delayMs: (number: number) => number = () => 0,
): Promise<EmbeddingServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
      asked.push(one);
      const [status, body] = refuse?.(one, request.url ?? '') ?? [200, answer(one.input.map(vectorOf))];
      setTimeout(
        () =>
          response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(typeof body === 'string' ? body : JSON.stringify(body)),
        delayMs(asked.length),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
