// A server for the benchmark of judges that answers every completion at once with the same log probabilities.

import { createServer } from 'node:http';

const words = ['mathematics', 'math', 'algebra', 'physics', 'law', 'history', 'the', 'how', 'a', 'cooking'];
const top = Object.fromEntries(words.map((word, at) => [` ${word}`, -1 - at]));
const logprobs = { tokens: [' mathematics'], token_logprobs: [-1], top_logprobs: [top] };
const models = JSON.stringify({
  object: 'list',
  data: [{ id: 'stand-in', object: 'model', owned_by: 'betr' }],
});

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (piece: string) => (body += piece));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/v1/models') response.end(models);
    else if (request.url === '/v1/completions') response.end(completion(body));
    else response.writeHead(404).end('{}');
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
// Ends with the benchmark.
process.on('disconnect', () => process.exit());

function completion(body: string): string {
  // About what tokenizers make of English.
  const promptTokens = Math.ceil(body.length / 4);
  return JSON.stringify({
    object: 'text_completion',
    model: 'stand-in',
    choices: [{ index: 0, text: ' mathematics', finish_reason: 'length', logprobs }],
    usage: { prompt_tokens: promptTokens, completion_tokens: 1, total_tokens: promptTokens + 1 },
  });
}
