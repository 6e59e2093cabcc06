// Ends worker threads before their process exits. Node.js tears its threads down as it exits, and DuckDB aborts
// the whole process if a thread is torn down while one of its queries runs.

import {
  BroadcastChannel,
  getEnvironmentData,
  isMainThread,
  parentPort,
  setEnvironmentData,
} from 'node:worker_threads';

const key = 'duckdb.threads';

/** A thread that does not end within this time is torn down. */
const longestWaitMs = 5_000;

/**
 * Call this once per thread. When the process exits, `interrupt` is called in every thread to stop its queries,
 * and the process waits for the threads to end.
 */
export function endBeforeExit(interrupt: () => void): void {
  if (isMainThread) watchProcess(interrupt);
  else watchThread(interrupt);
}

function watchProcess(interrupt: () => void): void {
  const running = new Int32Array(new SharedArrayBuffer(4));
  setEnvironmentData(key, running);
  process.once('exit', () => {
    interrupt();
    if (Atomics.load(running, 0) === 0) return;
    new BroadcastChannel(key).postMessage('end');
    const deadlineMs = performance.now() + longestWaitMs;
    for (;;) {
      const threads = Atomics.load(running, 0);
      if (threads <= 0 || performance.now() > deadlineMs) return;
      Atomics.wait(running, 0, threads, 100);
    }
  });
}

function watchThread(interrupt: () => void): void {
  const running: unknown = getEnvironmentData(key);
  if (!(running instanceof Int32Array)) return;
  Atomics.add(running, 0, 1);
  process.once('exit', () => {
    Atomics.sub(running, 0, 1);
    Atomics.notify(running, 0);
  });
  const channel = new BroadcastChannel(key);
  channel.onmessage = () => {
    interrupt();
    // One query may just have ended and the next one not begun.
    setInterval(interrupt, 10).unref();
    // The thread ends as soon as it has nothing left to do.
    channel.close();
    parentPort?.close();
  };
  channel.unref();
}
