// A server of a language model as a process of its own, to be killed. The same prompt gets log probabilities that
// differ by up to .0005 each time, as those of real servers do. Sends its address to its parent, and ends with it.

import { createHash } from 'node:crypto';
import { openLanguageModelServer } from '../models/endpoint/language-model-server.ts';

const most = 5e-4;

const { url } = await openLanguageModelServer({
  'GET /v1/models': () => ({ data: [{ id: 'wavering', owned_by: 'gateway' }] }),
  'POST /v1/completions': ({ prompt }) => {
    const share =
      0.01 + 0.98 * (createHash('sha256').update(String(prompt)).digest().readUInt16LE() / 65_536);
    const waver = (): number => most * (2 * Math.random() - 1);
    const answers = {
      ' yes': Math.log(0.9 * share) + waver(),
      ' no': Math.log(0.9 * (1 - share)) + waver(),
      ' perhaps': Math.log(0.05),
    };
    const logprobs = {
      tokens: [' yes'],
      token_logprobs: [answers[' yes']],
      top_logprobs: [answers],
    };
    return {
      choices: [{ index: 0, text: ' yes', finish_reason: 'length', logprobs }],
      usage: { prompt_tokens: String(prompt).length, completion_tokens: 1 },
    };
  },
});
process.on('disconnect', () => process.exit());
process.send?.(url);
