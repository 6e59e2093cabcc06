// Stand-ins for servers of language models: each has the routes, takes the fields and answers in the form
// that its documentation says.

import { createServer, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { beginning, decode, encode, likeliest, logProbabilityAfter } from './character-model.ts';

const requestSchema = z.looseObject({
  model: z.string().optional(),
  prompt: z.union([z.string(), z.array(z.number())]).optional(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })).optional(),
  echo: z.boolean().optional(),
  logprobs: z.union([z.number(), z.boolean()]).optional(),
  top_logprobs: z.number().optional(),
  max_tokens: z.number().optional(),
  stop: z.array(z.string()).optional(),
  logprob_token_ids: z.array(z.number()).optional(),
  return_tokens_as_token_ids: z.boolean().optional(),
  content: z.string().optional(),
  tokens: z.array(z.number()).optional(),
  add_special: z.boolean().optional(),
  add_special_tokens: z.boolean().optional(),
  n_probs: z.number().optional(),
  query: z.array(z.number()).optional(),
  items: z.array(z.array(z.number())).optional(),
  label_token_ids: z.array(z.number()).optional(),
});
export type Asked = z.output<typeof requestSchema>;
export type Routes = Record<string, (asked: Asked) => unknown>;

/** Answered with a status. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Written {
  ids: number[];
  prompt: number[];
}

/** The prompt's tokens and the likeliest tokens after it. */
function write({ prompt = '', max_tokens: most = 16, stop = [] }: Asked, addsBeginning: boolean): Written {
  const read =
    typeof prompt === 'string' ? [...(addsBeginning ? [beginning] : []), ...encode(prompt)] : prompt;
  const ids: number[] = [];
  while (ids.length < most && !stop.some((end) => decode(ids).includes(end)))
    ids.push(likeliest(ids.at(-1) ?? read.at(-1) ?? beginning)[0] ?? 0);
  return { ids, prompt: [...read] };
}

function cutAtStop(text: string, stop: readonly string[] = []): string {
  const at = Math.min(...stop.map((end) => text.indexOf(end)).filter((place) => place >= 0));
  return Number.isFinite(at) ? text.slice(0, at) : text;
}

export interface Completion {
  choices: [
    {
      text: string;
      finish_reason: string;
      logprobs: {
        tokens: string[];
        token_logprobs: (number | null)[];
        top_logprobs: (Record<string, number> | null)[];
      } | null;
    },
  ];
  usage: { prompt_tokens: number; completion_tokens: number };
}

/** An answer in the older form: tokens, token_logprobs, top_logprobs. */
export function completion(asked: Asked, { addsBeginning = false, alternatives = 20 } = {}): Completion {
  const { ids, prompt } = write(asked, addsBeginning);
  const all = [...prompt, ...ids];
  const from = asked.echo === true ? 0 : prompt.length;
  const show = (id: number): string =>
    asked.return_tokens_as_token_ids === true ? `token_id:${id}` : decode([id]);
  const count = Math.min(alternatives, typeof asked.logprobs === 'number' ? asked.logprobs : 0);
  const shown = all.slice(from);
  const named = asked.logprob_token_ids;
  return {
    choices: [
      {
        text:
          (asked.echo === true ? decode(prompt.filter((id) => id !== beginning)) : '') +
          cutAtStop(decode(ids), asked.stop),
        finish_reason: asked.stop?.some((end) => decode(ids).includes(end)) === true ? 'stop' : 'length',
        logprobs:
          asked.logprobs === undefined
            ? null
            : {
                tokens: shown.map(show),
                token_logprobs: shown.map((id, at) =>
                  from + at === 0 ? null : logProbabilityAfter(all[from + at - 1] ?? 0, id),
                ),
                top_logprobs: shown.map((_, at) => {
                  const before = all[from + at - 1];
                  return from + at === 0 || before === undefined
                    ? null
                    : Object.fromEntries(
                        [...likeliest(before).slice(0, count), ...(named ?? [])].map((id) => [
                          show(id),
                          logProbabilityAfter(before, id),
                        ]),
                      );
                }),
              },
      },
    ],
    usage: { prompt_tokens: prompt.length, completion_tokens: ids.length },
  };
}

/** An answer in the chat's form: content with top_logprobs. */
function content(ids: readonly number[], before: number, count: number): unknown {
  return {
    content: ids.map((id, at) => {
      const last = ids[at - 1] ?? before;
      return {
        id,
        token: decode([id]),
        logprob: logProbabilityAfter(last, id),
        top_logprobs: likeliest(last)
          .slice(0, count)
          .map((token) => ({ id: token, token: decode([token]), logprob: logProbabilityAfter(last, token) })),
      };
    }),
  };
}

function models(id: string, more: Record<string, unknown>): unknown {
  return { object: 'list', data: [{ id, object: 'model', ...more }] };
}

function chatCompletion(asked: Asked): unknown {
  const text = asked.messages?.at(-1)?.content ?? '';
  checkLength({ ...asked, prompt: text }, 512);
  const { ids, prompt } = write({ ...asked, prompt: text }, true);
  const logprobs =
    asked.logprobs === true
      ? {
          content: z
            .object({
              content: z.array(
                z.object({ token: z.string(), logprob: z.number(), top_logprobs: z.array(z.unknown()) }),
              ),
            })
            .parse(content(ids, prompt.at(-1) ?? 0, asked.top_logprobs ?? 0)).content,
        }
      : null;
  return {
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: cutAtStop(decode(ids), asked.stop) },
        finish_reason: 'length',
        logprobs,
      },
    ],
    usage: { prompt_tokens: prompt.length + 4, completion_tokens: ids.length },
  };
}

const openTokens: Routes = {
  'POST /tokenize': ({ prompt, add_special_tokens: special }) => {
    const tokens = [...(special === true ? [beginning] : []), ...encode(String(prompt))];
    return { tokens, count: tokens.length, max_model_len: 512 };
  },
  'POST /detokenize': ({ tokens }) => ({ prompt: decode(tokens ?? []) }),
};

/** A prompt that is too long, in vLLM's words. */
function checkLength({ prompt, max_tokens: most = 16 }: Asked, context: number): void {
  const length = (prompt ?? '').length + most;
  if (length > context)
    throw new Refused(
      400,
      `This model's maximum context length is ${context} tokens. However, you requested ${length} ` +
        `tokens (${length - most} in the messages, ${most} in the completion).`,
    );
}

export const servers = {
  /** OpenAI's own completions, and servers like it: text alone, and it repeats a prompt. */
  completions: {
    'GET /v1/models': () => models('m', { owned_by: 'organization-owner' }),
    'POST /v1/completions': (asked) => {
      checkLength(asked, 512);
      return completion(asked);
    },
  },
  /**
   * vllm/entrypoints: a beginning token, tokens in place of text, prompt log probabilities, log probabilities
   * of named tokens.
   */
  vLLM: {
    'GET /v1/models': () => models('m', { owned_by: 'vllm', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) => {
      checkLength(asked, 512);
      if ((asked.logprob_token_ids ?? []).length > 128)
        throw new Refused(400, 'logprob_token_ids: at most 128');
      return completion(asked, { addsBeginning: true });
    },
  },
  /** Of earlier versions, which pass logprob_token_ids by. */
  'vLLM, earlier': {
    'GET /v1/models': () => models('m', { owned_by: 'vllm', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) =>
      completion({ ...asked, logprob_token_ids: undefined }, { addsBeginning: true }),
  },
  /** SGLang: /v1/score gives probabilities of named tokens. */
  SGLang: {
    'GET /v1/models': () => models('m', { owned_by: 'sglang', max_model_len: 512 }),
    ...openTokens,
    'POST /v1/completions': (asked) => completion(asked, { addsBeginning: true }),
    'POST /v1/score': ({ query = [], items = [], label_token_ids: wanted = [] }) => ({
      scores: items.map((item) =>
        wanted.map((id) => Math.exp(logProbabilityAfter([...query, ...item].at(-1) ?? 0, id))),
      ),
      object: 'scoring',
    }),
  },
  /** llama.cpp's server: it passes echo by, and answers in the chat's form. */
  'llama.cpp': {
    'GET /v1/models': () =>
      models('m.gguf', { owned_by: 'llamacpp', meta: { n_ctx: 512, n_vocab: 98, ftype: 'Q8_0' } }),
    'POST /tokenize': ({ content: text = '', add_special: special }) => ({
      tokens: [...(special === true ? [beginning] : []), ...encode(text)],
    }),
    'POST /detokenize': ({ tokens }) => ({ content: decode(tokens ?? []) }),
    'POST /completion': (asked) => {
      const { ids, prompt } = write({ ...asked, max_tokens: 1 }, false);
      return {
        content: decode(ids),
        truncated: false,
        tokens_evaluated: prompt.length,
        completion_probabilities: z
          .object({ content: z.array(z.unknown()) })
          .parse(content(ids, prompt.at(-1) ?? 0, asked.n_probs ?? 0)).content,
      };
    },
    'POST /v1/completions': (asked) => {
      const { ids, prompt } = write(asked, true);
      return {
        choices: [
          {
            text: cutAtStop(decode(ids), asked.stop),
            logprobs: content(ids, prompt.at(-1) ?? 0, Number(asked.logprobs ?? 0)),
            finish_reason: 'length',
          },
        ],
        usage: { prompt_tokens: prompt.length, completion_tokens: ids.length },
      };
    },
  },
  /** A completions route that refuses echo, as most gateways do. */
  'without echo': {
    'GET /v1/models': () => models('m', { owned_by: 'gateway' }),
    'POST /v1/completions': (asked) => {
      if (asked.echo === true) throw new Refused(400, 'echo is not supported');
      checkLength(asked, 512);
      return completion(asked);
    },
  },
  /** A chat route alone, and no list of models. */
  chat: { 'POST /v1/chat/completions': chatCompletion },
} satisfies Record<string, Routes>;

export interface LanguageModelServer {
  url: string;
  asked: { route: string; body: Asked }[];
  close: () => Promise<void>;
}

/** `spoil` may answer in place of the routes; it says whether it did. */
export async function openLanguageModelServer(
  routes: Routes,
  spoil: (response: ServerResponse, route: string, number: number) => boolean = () => false,
): Promise<LanguageModelServer> {
  const asked: LanguageModelServer['asked'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const route = `${request.method ?? ''} ${request.url ?? ''}`;
      const body = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
      asked.push({ route, body });
      if (spoil(response, route, asked.length - 1)) return;
      const send = (status: number, value: unknown): unknown =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const found = routes[route];
      if (found === undefined) return void send(404, { error: { message: 'Not Found' } });
      try {
        send(200, found(body));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        send(error.status, { error: { message: error.message } });
      }
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
