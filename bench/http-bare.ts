// The baseline of bench/http.ts: Express 5 with one route that returns a given number of JSON bytes.

import express from 'express';

const bytes = Number(process.argv[2]);
const text = `{"text":"${'x'.repeat(Math.max(0, bytes - 11))}"}`;
const app = express();
app.get('/', (_request, response) => {
  response.type('application/json').send(text);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(
    `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}\n`,
  );
});
