// Handles write errors on standard output and standard error: the reader has gone, or the disk is full.

import { fstatSync, writeSync } from 'node:fs';
import { type ErrorData, errorData, fail, reasonOf, systemCode } from '../run/errors/errors.ts';

/**
 * Ends the process with an error message and a nonzero exit code if an output cannot be written. If only
 * the reader has gone (betr … | head), the command continues silently and keeps its exit code, because its
 * work does not depend on a reader.
 */
export function watchStandardStreams(): void {
  for (const [stream, fd, name] of [
    [process.stdout, 1, 'Standard output'],
    [process.stderr, 2, 'Standard error'],
  ] as const) {
    if (isFile(fd)) {
      stream._write = (bytes: Uint8Array, _encoding, done) => {
        done(writeFully(fd, bytes));
      };
    }
    stream.on('error', (error) => {
      if (systemCode(error) === 'EPIPE') return;
      printTo(errorData(fail('OUTPUT_FAILED', { output: name, reason: reasonOf(error) }, error)));
      process.exit(1);
    });
  }
}

/** A file, or a device that is written like one. Node.js handles terminals and pipes. */
function isFile(fd: 1 | 2): boolean {
  try {
    const state = fstatSync(fd);
    return (
      state.isFile() || (state.isCharacterDevice() && !(fd === 1 ? process.stdout : process.stderr).isTTY)
    );
  } catch {
    // It was closed from the start.
    return false;
  }
}

/** Writes all bytes. Node.js's own stream reports success even if a full disk took only part of them. */
function writeFully(fd: number, bytes: Uint8Array): Error | null {
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(reasonOf(error));
  }
}

function printTo({ message, code }: ErrorData): void {
  try {
    writeSync(2, `betr: ${message} [${code}]\n`);
  } catch {
    // Standard error is full or closed as well; the exit code must do.
  }
}
