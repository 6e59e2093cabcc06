// SHA-256 of many files, on several threads.

import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { reasonOf } from '../../run/errors/errors.ts';
import { readPieces } from './files.ts';
import { openRegularSync } from '../../run/regular-file.ts';

// One buffer for all files of a thread: touching new memory takes half as long as hashing it.
const piece = Buffer.allocUnsafeSlow(1 << 18);

/** The hash of a file as hex and its size, or the reason why it cannot be read. */
export type FileHash = { sha256: string; bytes: number } | { problem: string };

/**
 * Marks threads of this module. Checked without a schema because loading zod would slow down every thread.
 */
const job = 'hash files';

/** The hashes of the files, in order; calls `onFile` with the size of each completed file. */
export async function hashFiles(
  paths: readonly string[],
  threads: number,
  onFile: (bytes: number) => void = () => undefined,
): Promise<FileHash[]> {
  const hashes = new Array<FileHash>(paths.length);
  let next = 0;
  const take = (hash: FileHash, index: number): void => {
    hashes[index] = hash;
    onFile('bytes' in hash ? hash.bytes : 0);
  };
  const drive = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      let current: number[] = [];
      const give = (): void => {
        // Several at a time, because a message between threads takes as long as a small file.
        current = [];
        while (next < paths.length && current.length < 16) current.push(next++);
        worker.postMessage(current.map((index) => paths[index]));
      };
      worker.on('message', (done: FileHash[]) => {
        for (const [i, hash] of done.entries()) take(hash, current[i] ?? 0);
        if (next >= paths.length) resolve();
        else give();
      });
      worker.on('error', reject);
      give();
    });
  if (threads <= 1 || paths.length < 32) {
    for (const [index, path] of paths.entries()) take(hashFile(path), index);
    return hashes;
  }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL(import.meta.url), { workerData: job }),
  );
  try {
    await Promise.all(workers.map(drive));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return hashes;
}

function hashFile(path: string): FileHash {
  try {
    const file = openRegularSync(path);
    try {
      const hash = createHash('sha256');
      let bytes = 0;
      for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
        hash.update(piece.subarray(0, read));
        bytes += read;
      }
      return { sha256: hash.digest('hex'), bytes };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

if (!isMainThread && workerData === job) {
  parentPort?.on('message', (paths: unknown) =>
    parentPort?.postMessage(Array.isArray(paths) ? paths.map((path) => hashFile(String(path))) : []),
  );
}

/** SHA-256 of a local or remote file, as hex. Errors: those of `readPieces`. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(path)) hash.update(piece);
  return hash.digest('hex');
}
