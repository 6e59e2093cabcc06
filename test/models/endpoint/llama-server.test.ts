// A real embedding server: llama.cpp with the model in BETR_TEST_GGUF. Skipped, with a note, if there is
// none.

import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseSettings } from '../../../run/read-settings.ts';
import type { Truncation } from '../../../models/embedder.ts';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { freePort } from '../../free-port.ts';
import { findShared } from '../../shared/find.ts';
import { until } from '../../until.ts';

it('llama.cpp gives every text a vector, reproducibly, and long ones truncated', async () => {
  const program = findShared('tools', 'llama-server');
  const model = process.env['BETR_TEST_GGUF'];
  if (program === undefined) return;
  if (model === undefined || !existsSync(model)) {
    process.stdout.write('skipped: BETR_TEST_GGUF names no GGUF model for llama.cpp\n');
    return;
  }
  const port = await freePort();
  const server = spawn(
    program,
    [
      '-m',
      model,
      '--embeddings',
      '--pooling',
      'mean',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '-t',
      '2',
      '-np',
      '2',
      '-c',
      '256',
      '-ub',
      '64',
      '-b',
      '64',
    ],
    { stdio: 'ignore' },
  );
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(
      () =>
        fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => false,
        ),
      { what: 'the server', everyMs: 100 },
    );
    const settings = parseSettings(
      JSON.stringify({
        corpus: { files: ['a'] },
        benchmarks: [{ name: 'b', files: ['b'] }],
        embedding: { model: url },
      }),
      '',
    ).embedding;
    const embedder = await openEndpoint(settings);
    const texts = [
      'bread and butter',
      'flour and salt',
      '漢字仮名交じり文'.repeat(10),
      '12345 67890 '.repeat(12),
      'stars',
      '',
    ];
    const cuts = new Map<number, Truncation>();
    const vectors = await embedder.embed(texts, { cut: (text, cut) => cuts.set(text, cut) });
    expect([...cuts.keys()].sort()).toEqual([2, 3]);
    for (const { from, to } of cuts.values()) expect(to).toBeGreaterThan(from / 6);
    const { dimensions } = embedder;
    const row = (text: number): Float32Array => vectors.subarray(text * dimensions, (text + 1) * dimensions);
    for (const text of texts.keys())
      expect(row(text).reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    // The same alone as with others, except for the order of summation.
    const alone = await embedder.embed(texts.slice(2, 3));
    expect(alone.reduce((sum, value, i) => sum + value * (row(2)[i] ?? 0), 0)).toBeCloseTo(1, 4);
  } finally {
    server.kill('SIGKILL');
  }
});
