// The API documentation: as OpenAPI at /openapi.json, as a page at /docs.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { catalogEntries } from '../../run/errors/errors.ts';
import { escapeHtml } from '../../run/escape-html.ts';
import { type Route, route } from '../route.ts';
import { describeParameters, describeRoutes, type Json } from './openapi.ts';

const style =
  ':root{color-scheme:light dark;font:16px/1.5 ' +
  'system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}h2{margin:2rem 0 ' +
  `.3rem;font-size:1.1rem}
code{font-size:.9em}table{border-collapse:collapse;width:100%;margin:.5rem ` +
  '0}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px ' +
  'solid color-mix(in srgb,currentColor 15%,transparent)}td:first-child{white-space:nowrap}.muted{opacity:.7}';
export const docsPolicy =
  `default-src 'none'; style-src ` +
  `'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'`;

/** The routes of the documentation; they document themselves too. */
export function openApiRoutes(others: readonly Route[], version: string): Route[] {
  let json: Json | undefined;
  let page: string | undefined;
  const own: Route[] = [
    route({
      method: 'get',
      path: '/openapi.json',
      summary: 'Get this API as OpenAPI 3.1.',
      access: 'open',
      reply: { description: 'The OpenAPI document.', schema: z.looseObject({ openapi: z.string() }) },
      answer: () => ({ json: (json ??= describeRoutes([...others, ...own], version)) }),
    }),
    route({
      method: 'get',
      path: '/docs',
      summary: 'Show this API as a page.',
      access: 'open',
      linked: true,
      reply: { description: 'The page.', types: ['text/html'] },
      answer({ response }) {
        response.setHeader('Content-Security-Policy', docsPolicy);
        return { text: (page ??= writePage([...others, ...own])), type: 'text/html' };
      },
    }),
  ];
  return own;
}

function writePage(routes: readonly Route[]): string {
  return (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" ' +
    `content="width=device-width"><title>betr API</title><style>${style}</style>
<h1>betr API</h1><p>Also as <a href="/openapi.json">OpenAPI 3.1</a>. Unknown and repeated ` +
    'parameters are errors. Errors are problem documents (RFC 9457) with one of the <a ' +
    `href="#errors">codes</a> below.</p>
${routes.map(writeRoute).join('\n')}
<h1 id="errors">Errors</h1><table><tr><th>code</th><th>status</th><th>example</th></tr>${catalogEntries()
      .map(
        ({ code, status, example }) =>
          `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(example)}</td></tr>`,
      )
      .join('')}</table></html>`
  );
}

const needsKey = ' <span class="muted">Needs a "jobs" key if the server has keys.</span>';

function writeRoute({
  method,
  path,
  summary,
  access,
  params,
  query,
  body,
  bodyTypes = [],
  reply,
}: Route): string {
  const rows = [...describeParameters(params, 'path'), ...describeParameters(query, 'query')].map(
    ({ name, in: place, description }) =>
      `<tr><td><code>${escapeHtml(String(name))}</code></td><td>${String(place)}</td>` +
      `<td>${escapeHtml(typeof description === 'string' ? description : '')}</td></tr>`,
  );
  const types = [...(reply.schema === undefined ? [] : ['application/json']), ...(reply.types ?? [])];
  return [
    `<h2><code>${method.toUpperCase()} ${escapeHtml(path.replace(/:(\w+)/g, '{$1}'))}</code></h2>`,
    `<p>${escapeHtml(summary)}${access === 'jobs' ? needsKey : ''}</p>`,
    rows.length === 0 ? '' : `<table>${rows.join('')}</table>`,
    body === undefined
      ? ''
      : `<p class="muted">Body: ${escapeHtml(['application/json', ...bodyTypes].join(' or '))}.</p>`,
    `<p class="muted">${reply.status ?? 200}: ${escapeHtml(reply.description)} ${escapeHtml(types.join(', '))}</p>`,
  ].join('');
}
