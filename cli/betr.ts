#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4
// The betr process: signals, pipes and exit.

import { report, runCommandLine } from './command-line.ts';
import { isAtWork } from './at-work.ts';
import { watchStandardStreams } from './standard-streams.ts';

// A command with work to hand back installs its own listener and exits on its own.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) > 1) return;
    if (isAtWork())
      process.stderr.write(
        '\nInterrupted. Everything finished so far is kept; run the same command again to go on.\n',
      );
    process.exit(code);
  });
}
watchStandardStreams();
// Errors that a library throws outside any awaited call.
process.on('uncaughtException', (error) => process.exit(report(error, process.argv.includes('--json'))));

process.exitCode = await runCommandLine(process.argv.slice(2));
// Writes to a pipe finish in the background; exiting before that would cut the output off after 64 KiB.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
// Worker threads and native thread pools may still be winding down; the work is done.
process.exit();
