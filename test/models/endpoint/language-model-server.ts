// The HTTP server behind the stand-ins for language model servers (language-model-servers.ts).

import { createServer, type ServerResponse } from 'node:http';
import { z } from 'zod';

const requestSchema = z.looseObject({
  model: z.string().optional(),
  prompt: z.union([z.string(), z.array(z.number())]).optional(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })).optional(),
  echo: z.boolean().optional(),
  logprobs: z.union([z.number(), z.boolean()]).optional(),
  top_logprobs: z.number().optional(),
  max_tokens: z.number().optional(),
  temperature: z.number().optional(),
  stop: z.array(z.string()).optional(),
  logprob_token_ids: z.array(z.number()).optional(),
  return_tokens_as_token_ids: z.boolean().optional(),
  content: z.string().optional(),
  tokens: z.array(z.number()).optional(),
  add_special: z.boolean().optional(),
  add_special_tokens: z.boolean().optional(),
  n_probs: z.number().optional(),
  post_sampling_probs: z.boolean().optional(),
  logit_bias: z.array(z.tuple([z.number(), z.number()])).optional(),
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

export interface LanguageModelServer {
  url: string;
  asked: { route: string; body: Asked; answer?: unknown }[];
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
      const own: LanguageModelServer['asked'][number] = { route, body };
      asked.push(own);
      if (spoil(response, route, asked.length - 1)) return;
      const send = (status: number, value: unknown): unknown =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const found = routes[route];
      if (found === undefined) return void send(404, { error: { message: 'Not Found' } });
      void (async () => {
        try {
          own.answer = await found(body);
          send(200, own.answer);
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          send(error.status, { error: { message: error.message } });
        }
      })();
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
