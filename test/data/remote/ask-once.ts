// Does what its arguments ask for, one after the other, and prints what came of each as a line of JSON: a
// text, or an error's message.

import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { copyPieces, readPieces } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { parseSettings } from '../../../run/read-settings.ts';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { reasonOf } from '../../../run/errors/errors.ts';
import { openStore } from '../../../data/remote/open.ts';

const stepSchema = z.object({
  what: z.enum(['read', 'write', 'embed']),
  url: z.string(),
  noProxy: z.string().optional(),
});

Object.assign(pace, { firstWaitMs: 2 });
for (const step of process.argv.slice(2)) {
  const { what, url, noProxy } = stepSchema.parse(JSON.parse(step));
  if (noProxy !== undefined) process.env['NO_PROXY'] = noProxy;
  const said = await { read, write, embed }[what](url).catch((error: unknown) => reasonOf(error));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

async function read(url: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of copyPieces(readPieces(url))) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function write(url: string): Promise<string> {
  const store = await openStore(url);
  const path = `${process.env['TMPDIR']}/written`;
  await writeFile(path, 'written');
  await store.put(path, url);
  await store.remove(url);
  return 'put and removed';
}

async function embed(url: string): Promise<string> {
  const settings = parseSettings(
    JSON.stringify({
      corpus: { files: ['a'] },
      benchmarks: [{ name: 'b', files: ['b'] }],
      embedding: { model: url },
    }),
    '',
  );
  const endpoint = await openEndpoint(settings.embedding, { attempts: 2, firstWaitMs: 1, longestWaitMs: 1 });
  return `${endpoint.dimensions} dimensions`;
}
