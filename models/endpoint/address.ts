// Finds an endpoint's embeddings route from what users usually know: its host, its base, or the full address.

import { fail } from '../../run/errors/errors.ts';
import { showPath } from '../../run/address.ts';

/** Why no request can be sent to an address; undefined if one can. `keyPlace` says where the key belongs. */
export function problemOf(address: string, keyPlace: string): string | undefined {
  // URL reads http:///v1 as the host v1.
  if (!/^https?:\/\/[^/?#]/i.test(address) || !URL.canParse(address))
    return 'its address is not valid: it must be like http://host:8000/v1, with a port up to 65535';
  const { username, password } = new URL(address);
  return username === '' && password === ''
    ? undefined
    : `its address contains a user name or password; ${keyPlace}`;
}

/**
 * The address of the embeddings route. A base without a version in its path gets /v1: http://host:11434,
 * https://host/v1beta/openai and http://host/v1/embeddings all work, and so does Ollama's own /api/embed.
 * Errors: ENDPOINT_FAILED for an address that is not valid or contains a password.
 */
export function embeddingsUrl(address: string): string {
  const [, start = '', path = '', query = ''] =
    /^(https?:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(address) ?? [];
  const problem = problemOf(address, 'put the key into BETR_EMBEDDING_KEY instead');
  if (problem !== undefined)
    throw fail('ENDPOINT_FAILED', { url: showPath(address), problem, mayPass: false });
  return `${start}${routeOf(path.replace(/(?<!\/)\/+$/, ''))}${query}`;
}

function routeOf(path: string): string {
  if (/\/embeddings$|\/api\/embed$/.test(path)) return path;
  return `${path}${/\/v\d[^/]*(\/|$)/.test(path) ? '' : '/v1'}/embeddings`;
}
