// The pages at `/` and `/audit`: static files, read once, from the page's folder and the plotting library's package; no
// other file can be reached. The page's content security policy lets the browser contact only this server
// and run only these files.

import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { fail } from '../../run/errors/errors.ts';
import { type Reply, route } from '../route.ts';

const types: Record<string, string> = {
  html: 'text/html',
  css: 'text/css',
  js: 'text/javascript',
  svg: 'image/svg+xml',
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

interface PageFile {
  text: string;
  type: string;
  etag: string;
}

let files: Promise<ReadonlyMap<string, PageFile>> | undefined;

/** All files of the page, by name. */
async function readFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const own = fileURLToPath(new URL('../page', import.meta.url));
  const library = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.esm.js'));
  const paths = new Map((await readdir(own)).map((name) => [name, join(own, name)]));
  paths.set('uplot.js', join(library, 'uPlot.esm.js')).set('uplot.css', join(library, 'uPlot.min.css'));
  const read = new Map<string, PageFile>();
  for (const [name, path] of paths) {
    const type = types[name.split('.').at(-1) ?? ''];
    if (type === undefined) continue;
    const text = await readFile(path, 'utf8');
    read.set(name, { text, type, etag: `"${createHash('sha256').update(text).digest('hex').slice(0, 16)}"` });
  }
  return read;
}

/** Sends a file of the page's folder under the page's policy. Errors: ROUTE_UNKNOWN. */
export async function sendPageFile(name: string, request: Request, response: Response): Promise<Reply> {
  files ??= readFiles();
  const file = (await files).get(name);
  if (file === undefined) throw fail('ROUTE_UNKNOWN', { method: request.method, path: request.path });
  response.setHeader('Content-Security-Policy', policy);
  // Revalidated every time: a page and a server of different versions would misread each other.
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', file.etag);
  if (request.headers['if-none-match'] !== file.etag) return { text: file.text, type: file.type };
  response.status(304).end();
  return 'sent';
}

export const pageRoutes = [
  route({
    method: 'get',
    path: '/',
    summary: 'Open the page: budget, cutoff, plots, comparison and documents at the cutoff.',
    access: 'open',
    linked: true,
    // The page reads its question from its address.
    query: z.record(z.string(), z.string()),
    reply: { description: 'The page.', types: ['text/html'] },
    answer: ({ request, response }) => sendPageFile('index.html', request, response),
  }),
  route({
    method: 'get',
    path: '/page/:file',
    summary: "Get one of the page's scripts and styles.",
    access: 'open',
    params: z.strictObject({ file: z.string() }),
    reply: { description: 'The file.', types: Object.values(types) },
    answer: ({ params, request, response }) => sendPageFile(params.file, request, response),
  }),
];
