// `betr serve`: answers over HTTP, until it is told to stop.

import { type Command } from 'commander';
import { fail } from '../data/errors.ts';
import { openRun } from '../data/run.ts';
import { serveRun } from '../server/listen.ts';
import { command, type CommonOptions } from './common.ts';
import { printResult } from './output.ts';

interface ServeOptions extends CommonOptions {
  port: string;
  host: string;
}

export function serveCommand(): Command {
  return command('serve', 'answer over HTTP: cutoffs, comparisons, documents, selections, jobs, and a page to see it all')
    .option('--port <number>', 'port to listen on', '8080')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .action(async (options: ServeOptions) => {
      const port = readPort(options.port);
      const server = await serveRun(await openRun(options.config), { host: options.host, port });
      printResult(options.json, { url: server.url }, `Serving on ${server.url}`);
      await stopSignal();
      await server.stop();
    });
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) throw fail('OPTION_INVALID', { option: '--port', got: text, allowed: 'a port from 0 (any free one) to 65535' });
  return port;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      // In place of ending at once, as the other commands do.
      process.removeAllListeners(signal);
      process.once(signal, () => resolve());
    }
  });
}
