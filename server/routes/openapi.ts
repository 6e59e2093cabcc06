// The OpenAPI 3.1 document, generated from the schemas that check requests: as JSON at /openapi.json, as a
// page at /docs.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { catalogueEntries } from '../../run/errors/errors.ts';
import { problemSchema } from '../problem.ts';
import { type Route, route } from '../route.ts';

type Json = Record<string, unknown>;

/** The OpenAPI document of all routes. */
export function describeRoutes(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method]: describeRoute(one) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'betr',
      version,
      description:
        'Benchmark-targeted ranking: which part of a corpus to train a language model on, sized to the ' +
        'compute budget. Every error is a problem document (RFC 9457); /docs explains the codes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key, if the server has keys. Create one with "betr serve --new-key read" or "--new-key jobs".',
        },
      },
    },
  };
}

function describeRoute({
  method,
  path,
  summary,
  access,
  params,
  query,
  body,
  bodyTypes = [],
  reply,
  tagged,
}: Route): Json {
  const { status = 200, description, schema, types = [] } = reply;
  const content: Json = {
    ...(schema === undefined ? {} : { 'application/json': { schema: jsonSchema(schema, 'output') } }),
    ...Object.fromEntries(types.map((type) => [type, {}])),
  };
  return {
    operationId: `${method}${path.replace(/[^A-Za-z]+(\w?)/g, (_all, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(access === 'open' ? {} : { security: [{}, { key: [] }] }),
    parameters: [...describeParameters(params, 'path'), ...describeParameters(query, 'query')],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              ['application/json', ...bodyTypes].map((type) => [
                type,
                type === 'application/json' ? { schema: jsonSchema(body, 'input') } : {},
              ]),
            ),
          },
        }),
    responses: {
      [status]: { description, ...(Object.keys(content).length === 0 ? {} : { content }) },
      ...(tagged === true
        ? { 304: { description: 'Not modified: If-None-Match names the current ETag.' } }
        : {}),
      default: {
        description: 'An error, as a problem document.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function describeParameters(schema: z.ZodType, place: 'path' | 'query'): Json[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const fields: Record<string, unknown> = schema.shape;
  return Object.entries(fields).flatMap(([name, field]) => {
    if (!(field instanceof z.ZodType)) return [];
    const { description, examples, ...own } = jsonSchema(field, 'input');
    const example = Array.isArray(examples) ? { examples } : {};
    return [
      {
        name,
        in: place,
        required: place === 'path' || !field.safeParse(undefined).success,
        ...(typeof description === 'string' ? { description } : {}),
        schema: { ...own, ...example },
      },
    ];
  });
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  return Object.fromEntries(
    Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' })).filter(
      ([key]) => key !== '$schema',
    ),
  );
}

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
<h1 id="errors">Errors</h1><table><tr><th>code</th><th>status</th><th>example</th></tr>${catalogueEntries()
      .map(
        ({ code, status, example }) =>
          `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escape(example)}</td></tr>`,
      )
      .join('')}</table></html>`
  );
}

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
      `<tr><td><code>${escape(String(name))}</code></td><td>${String(place)}</td><td>${escape(typeof description === 'string' ? description : '')}</td></tr>`,
  );
  return [
    `<h2><code>${method.toUpperCase()} ${escape(path.replace(/:(\w+)/g, '{$1}'))}</code></h2><p>${escape(summary)}${access === 'jobs' ? ' <span class="muted">Needs a "jobs" key if the server has keys.</span>' : ''}</p>`,
    rows.length === 0 ? '' : `<table>${rows.join('')}</table>`,
    body === undefined
      ? ''
      : `<p class="muted">Body: ${escape(['application/json', ...bodyTypes].join(' or '))}.</p>`,
    `<p class="muted">${reply.status ?? 200}: ${escape(reply.description)} ${escape([...(reply.schema === undefined ? [] : ['application/json']), ...(reply.types ?? [])].join(', '))}</p>`,
  ].join('');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
