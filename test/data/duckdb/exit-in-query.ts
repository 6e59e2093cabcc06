// Exits with code 7 while a worker thread runs a query.

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';

if (isMainThread) {
  const thread = new Worker(new URL(import.meta.url));
  thread.once('message', () => setTimeout(() => process.exit(7), 20));
} else {
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run('CREATE TABLE numbers AS FROM range(100000)');
    parentPort?.postMessage('querying');
    for (;;) await connection.run('SELECT count(*) FROM numbers WHERE hash(range) = 1');
  });
}
