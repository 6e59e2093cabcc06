// Shared by the tests of the server's safety: trials that carry a law, and waiting for a raw response.

import type { ClientRequest, IncomingMessage } from 'node:http';

export const jsonHeaders = { 'Content-Type': 'application/json' };

/** Three budgets with four rates each; the best rate grows with the budget. */
export const trials = [1e19, 1e20, 1e21].flatMap((flops, i) =>
  [0.01, 0.03, 0.1, 0.3].map((keep) => ({
    flops,
    keep,
    loss: (Math.log(keep) - Math.log(0.03 * (1 + i / 2))) ** 2,
  })),
);

export function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve) => sent.once('response', (response) => resolve(response.resume())));
}
