// Finds an endpoint's embeddings route from what users usually know: its host, its base, or the full address.

import { fail } from '../../run/errors/errors.ts';
import { showPath } from '../../run/address.ts';

/**
 * The address of the embeddings route. A base without a version in its path gets /v1: http://host:11434,
 * https://host/v1beta/openai and http://host/v1/embeddings all work, and so does Ollama's own /api/embed.
 * Errors: ENDPOINT_FAILED for an address that contains a password.
 */
export function embeddingsUrl(address: string): string {
  const [, start = '', path = '', query = ''] =
    /^(https?:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(address) ?? [];
  if (start.includes('@'))
    throw fail('ENDPOINT_FAILED', {
      url: showPath(address),
      problem: 'its address contains a user name or password; put the key into BETR_EMBEDDING_KEY instead',
      mayPass: false,
    });
  return `${start}${routeOf(path.replace(/(?<!\/)\/+$/, ''))}${query}`;
}

function routeOf(path: string): string {
  if (/\/embeddings$|\/api\/embed$/.test(path)) return path;
  return `${path}${/\/v\d[^/]*(\/|$)/.test(path) ? '' : '/v1'}/embeddings`;
}
