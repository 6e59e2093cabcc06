// Headers and hosts: what every answer of the server has in common.

import { request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { shareServer, withServer } from '../serve.ts';
import { responseTo } from './fixtures.ts';

const server = shareServer();

describe('every answer', () => {
  it.each(['/rank?budget=1e21', '/rank?budget=0', '/nothing', '/', '/docs', '/openapi.json', '/metrics'])(
    'has the security headers: %s',
    async (path) => {
      const { headers } = await server().ask(path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      for (const absent of ['x-powered-by', 'access-control-allow-origin', 'server'])
        expect(headers.get(absent)).toBeNull();
    },
  );

  it('is only for requests to a host of the server', async () => {
    const { url } = server();
    const statusFor = async (host: string): Promise<number | undefined> => {
      const sent = request(`${url}/rank?budget=1e21`, { headers: { Host: host } });
      sent.end();
      return (await responseTo(sent)).statusCode;
    };
    expect(await statusFor('evil.example')).toBe(421);
    expect(await statusFor('127.0.0.1.evil.example:80')).toBe(421);
    for (const own of ['localhost', 'LOCALHOST:1', '127.0.0.1:8080', '[::1]:8080'])
      expect(await statusFor(own)).toBe(200);
    await withServer(
      async (other) => {
        expect((await other.ask('/healthz', {})).status).toBe(200);
      },
      [],
      { allowHosts: ['betr.example'] },
    );
  });
});
