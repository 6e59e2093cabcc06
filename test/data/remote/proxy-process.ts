// A proxy on loopback, in a separate process: accepts plain requests and tunnels, and leads each to loopback,
// whatever host it is for. Prints its port, then a line for each request: the method, the target and the
// credentials. A host such as 403.corpus.test is refused by that status.

import { createServer, request as send } from 'node:http';
import { connect } from 'node:net';

const refusalOf = (target = ''): number => Number(/^(?:http:\/\/)?(\d{3})\.corpus/.exec(target)?.[1] ?? 0);

function tell(method: string | undefined, target: string | undefined, credentials: string | undefined): void {
  process.stdout.write(
    `${method} ${target} ${Buffer.from(credentials?.replace('Basic ', '') ?? '', 'base64').toString()}\n`,
  );
}

const server = createServer((request, response) => {
  tell(request.method, request.url, request.headers['proxy-authorization']);
  const refusal = refusalOf(request.url);
  if (refusal > 0) return void response.writeHead(refusal).end();
  const { port, pathname, search } = new URL(request.url ?? '');
  const onward = send(
    { host: '127.0.0.1', port, path: pathname + search, method: request.method, headers: request.headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
});
server.on('connect', (request, socket) => {
  tell('CONNECT', request.url, request.headers['proxy-authorization']);
  const refusal = refusalOf(request.url);
  if (refusal > 0) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
  const onward = connect(Number(request.url?.replace(/.*:/, '')), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    onward.pipe(socket).pipe(onward);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
