// `betr serve`: answers over HTTP until stopped, and creates API keys.

import { type Command, Option } from 'commander';
import { openRun } from '../../run/run.ts';
import { parseWhole } from '../../run/amounts.ts';
import { type KeyKind, keyKinds, makeKey } from '../../server/keys-file.ts';
import { serveRun } from '../../server/listen.ts';
import { command, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';

interface ServeOptions extends CommonOptions {
  port: string;
  host: string;
  keys?: string;
  newKey?: KeyKind;
  allowHost: string[];
  rateLimit?: string;
  connections?: string;
  trustProxy: string[];
}

export function serveCommand(): Command {
  return command(
    'serve',
    'serve the HTTP API and the page: cutoffs, comparisons, documents, selections and jobs',
  )
    .option('--port <number>', 'port to listen on; 0 picks a free one', '8080')
    .option('--host <address>', 'address to listen on; anything but loopback needs API keys', '127.0.0.1')
    .option('--keys <file>', 'file with the hashes of the API keys (default: keys.json in the run folder)')
    .addOption(
      new Option(
        '--new-key <kind>',
        'create an API key, print it and exit: read, or jobs (may also start jobs)',
      ).choices([...keyKinds]),
    )
    .option(
      '--allow-host <name>',
      'another host name to accept requests for, such as that of a proxy (repeatable)',
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option(
      '--rate-limit <count>',
      'requests per minute from one address (default: 6000; no limit on loopback)',
    )
    .option(
      '--connections <count>',
      'concurrent connections from one address (default: 200; no limit on loopback)',
    )
    .option(
      '--trust-proxy <address>',
      'address or network of a proxy in front of this server, whose X-Forwarded-For is trusted (repeatable)',
      (address: string, addresses: string[]) => [...addresses, address],
      [],
    )
    .action(async (options: ServeOptions) => {
      const run = await openRun(options.config);
      const keysPath = options.keys ?? run.files.apiKeys;
      if (options.newKey !== undefined) {
        const { id, key } = await makeKey(keysPath, options.newKey);
        // The key goes to standard output, for scripts: K=$(betr serve --new-key read).
        process.stderr.write(
          `Created key ${id} (${options.newKey}). It is shown only once; ${keysPath} holds its hash. ` +
            `To revoke the key, remove its entry from that file.\n`,
        );
        printResult(options.json, { id, kind: options.newKey, key, file: keysPath }, key);
        return;
      }
      const server = await serveRun(run, {
        host: options.host,
        port: parseWhole('--port', options.port, 0, 65_535),
        ...(options.keys === undefined ? {} : { keysPath: options.keys }),
        allowHosts: options.allowHost.map((name) => name.toLowerCase()),
        ...(options.rateLimit === undefined
          ? {}
          : { requestsPerMinute: parseWhole('--rate-limit', options.rateLimit, 1, 1e9) }),
        ...(options.connections === undefined
          ? {}
          : { connectionsPerAddress: parseWhole('--connections', options.connections, 1, 1e6) }),
        proxies: options.trustProxy,
      });
      const stopped = stopSignal();
      // Printed right away: whoever started the server waits for the address.
      printResult(options.json, { url: server.url }, `Serving on ${server.url}`);
      await stopped;
      await server.stop();
    });
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => resolve());
    }
  });
}
