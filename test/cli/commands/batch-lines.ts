// Requests of `betr judge --write-batch`, and answers as another program gives them.

import { z } from 'zod';
import { topicCompletion } from './topic-server.ts';

export const requestSchema = z.strictObject({
  custom_id: z.string().regex(/^betr-[0-9a-f]{16}-[0-9a-f]{32}$/),
  method: z.literal('POST'),
  url: z.string(),
  body: z.looseObject({
    prompt: z.string().optional(),
    messages: z.array(z.object({ role: z.string(), content: z.string() })).optional(),
  }),
});
export type Request = z.output<typeof requestSchema>;

/** An answer line, as `vllm run-batch` writes it. */
export function answerTo({ custom_id: id, body }: Request): object {
  return {
    id: 'vllm-1',
    custom_id: id,
    response: { status_code: 200, request_id: 'vllm-batch-1', body: topicCompletion(body.prompt ?? '') },
    error: null,
  };
}
