// `betr serve`: answers over HTTP, until it is told to stop; and makes the keys that it asks for.

import { type Command, Option } from 'commander';
import { openRun } from '../../run/run.ts';
import { parseWhole } from '../../run/amounts.ts';
import { type KeyKind, keyKinds, makeKey } from '../../server/keys.ts';
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
    'answer over HTTP: cutoffs, comparisons, documents, selections, jobs, and a page to see it all',
  )
    .option('--port <number>', 'port to listen on; 0 for any free one', '8080')
    .option('--host <address>', 'address to listen on; any but loopback needs API keys', '127.0.0.1')
    .option('--keys <file>', "file of the API keys' hashes; keys.json in the run folder when left out")
    .addOption(
      new Option(
        '--new-key <kind>',
        'make an API key, print it and end: read, or jobs (which may also start jobs)',
      ).choices([...keyKinds]),
    )
    .option(
      '--allow-host <name>',
      "another name that requests may be for, such as a proxy's (can be repeated)",
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option(
      '--rate-limit <count>',
      'requests a minute from one address; 6000 when left out, without limit on loopback',
    )
    .option(
      '--connections <count>',
      'connections at a time from one address; 200 when left out, without limit on loopback',
    )
    .option(
      '--trust-proxy <address>',
      'a proxy in front of this server, or a network of them; its X-Forwarded-For says who asks (can be repeated)',
      (address: string, addresses: string[]) => [...addresses, address],
      [],
    )
    .action(async (options: ServeOptions) => {
      const run = await openRun(options.config);
      const keysPath = options.keys ?? run.files.apiKeys;
      if (options.newKey !== undefined) {
        const { id, key } = await makeKey(keysPath, options.newKey);
        // Scripts take the key from standard output: K=$(betr serve --new-key read).
        process.stderr.write(
          `Key ${id} of kind "${options.newKey}". It is shown this once; ${keysPath} has only its hash. ` +
            `Remove its entry there to end it.\n`,
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
      // At once, whatever follows: who started it waits for the address.
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
