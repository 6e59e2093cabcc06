// Stand-ins for embedding servers: each accepts, refuses and answers as its documentation and source say
// (docs/endpoints.md has the same table as text).

import { countTokens, type Kind, longest } from './embedding-servers.ts';

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
