// A stand-in for a server as a process of its own, to be killed: takes 30 ms for an answer, prints its address.

import { setTimeout } from 'node:timers/promises';
import { completion } from './language-model-answers.ts';
import { openLanguageModelServer } from './language-model-server.ts';
import { servers } from './language-model-servers.ts';

const { url } = await openLanguageModelServer({
  ...servers.completions,
  'POST /v1/completions': async (asked) => {
    await setTimeout(30);
    return completion(asked);
  },
});
process.stdout.write(`${url}\n`);
