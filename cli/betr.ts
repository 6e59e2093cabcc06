#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=4
// The `betr` command as a process: its signals, its pipes and its end.

import { report, runCommandLine } from './command-line.ts';
import { watchStandardStreams } from './standard-streams.ts';

// A command that has something to give back listens too, and ends by itself.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(code);
  });
}
watchStandardStreams();
// What a library throws on its own, with nobody waiting for it.
process.on('uncaughtException', (error) => process.exit(report(error, process.argv.includes('--json'))));

process.exitCode = await runCommandLine(process.argv.slice(2));
// What goes into a pipe is written in the background, as fast as it is read: an exit would cut it off after
// 64 KiB.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
// Worker threads and native thread pools may still wind down; the work is done.
process.exit();
