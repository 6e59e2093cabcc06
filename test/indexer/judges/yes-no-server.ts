// A stand-in for a server that reports its most likely tokens: " yes" and " no", by how many words of the prompt are
// about space. It refuses REFUSE, does not take long prompts, and writes ratings.

import { createServer } from 'node:http';
import { z } from 'zod';
import type { LanguageModelServer } from '../../models/endpoint/language-model-server.ts';

const requestSchema = z.looseObject({
  prompt: z.string().optional(),
  logprobs: z.number().optional(),
  seed: z.number().optional(),
});

export interface YesNoServer extends LanguageModelServer {
  /** The most requests that were in progress at once. */
  most: () => number;
}

/** `delayMs` passes before every answer. */
export async function openYesNoServer(delayMs = 0): Promise<YesNoServer> {
  const asked: LanguageModelServer['asked'] = [];
  let [now, most] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
      const route = `${request.method ?? ''} ${request.url ?? ''}`;
      asked.push({ route, body });
      most = Math.max(most, ++now);
      const [status, value] =
        route === 'GET /v1/models' ? [200, { data: [{ id: 'm' }] }] : answer(route, body);
      setTimeout(() => {
        now--;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    most: () => most,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  route: string,
  { prompt = '', logprobs, seed = 0 }: z.output<typeof requestSchema>,
): [number, unknown] {
  if (route !== 'POST /v1/completions') return [404, { error: { message: 'Not Found' } }];
  if (prompt.includes('REFUSE')) return [400, { error: { message: 'this content is not allowed' } }];
  if (prompt.length > 2000)
    return [400, { error: { message: 'This model has a context length of 500 tokens' } }];
  const usage = { prompt_tokens: Math.ceil(prompt.length / 4), completion_tokens: 1 };
  if (logprobs === undefined) {
    const text = prompt.includes('MUTE') ? ' as you like' : ` ${2 + seed}`;
    return [200, { choices: [{ text, finish_reason: 'stop' }], usage }];
  }
  const about = prompt.match(/star|orbit|planet|comet|galaxy|moon|rocket|sun/g)?.length ?? 0;
  const yes = 0.89 * (1 - 0.5 ** (about + 1)) + 1e-4 * (prompt.length % 7);
  const [isYes, isNo] = [Math.log(yes), Math.log(0.9 - yes)];
  const likeliest = { ' yes': isYes, ' no': isNo, ' perhaps': Math.log(0.05) };
  return [
    200,
    {
      choices: [
        {
          text: ' yes',
          finish_reason: 'length',
          logprobs: { tokens: [' yes'], token_logprobs: [isYes], top_logprobs: [likeliest] },
        },
      ],
      usage,
    },
  ];
}
