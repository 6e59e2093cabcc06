// The process's standard output and standard error where they cannot take what is written: whoever read them
// has gone, or their disk is full.

import { fstatSync, writeSync } from 'node:fs';
import { type ErrorData, errorData, fail, reasonOf, systemCode } from '../run/errors/errors.ts';

/**
 * Ends the process once an output cannot be written, with a sentence and an exit code other than 0. Where
 * only its reader has gone (betr … | head), the command goes on in silence and keeps its exit code: its work
 * does not depend on who listens.
 */
export function watchStandardStreams(): void {
  for (const [stream, fd, name] of [
    [process.stdout, 1, 'Standard output'],
    [process.stderr, 2, 'Standard error'],
  ] as const) {
    if (isFile(fd)) {
      stream._write = (bytes: Uint8Array, _encoding, done) => {
        done(writeWhole(fd, bytes));
      };
    }
    stream.on('error', (error) => {
      if (systemCode(error) === 'EPIPE') return;
      tell(errorData(fail('OUTPUT_FAILED', { output: name, reason: reasonOf(error) }, error)));
      process.exit(1);
    });
  }
}

/** A file, or a device that is written like one. Terminals and pipes are Node.js's own matter. */
function isFile(fd: 1 | 2): boolean {
  try {
    const state = fstatSync(fd);
    return (
      state.isFile() || (state.isCharacterDevice() && !(fd === 1 ? process.stdout : process.stderr).isTTY)
    );
  } catch {
    // Closed from the start.
    return false;
  }
}

/**
 * Writes all of it. Node.js's own stream takes a write for done although a full disk had room for a part of
 * it only.
 */
function writeWhole(fd: number, bytes: Uint8Array): Error | null {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(reasonOf(error));
  }
}

function tell({ message, code }: ErrorData): void {
  try {
    writeSync(2, `betr: ${message} [${code}]\n`);
  } catch {
    // Standard error is full or closed as well: the exit code has to do.
  }
}
