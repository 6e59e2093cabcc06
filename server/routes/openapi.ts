// The OpenAPI 3.1 document, generated from the schemas that check requests.

import { z } from 'zod';
import { problemSchema } from '../problem.ts';
import { type Route } from '../route.ts';

export type Json = Record<string, unknown>;

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

export function describeParameters(schema: z.ZodType, place: 'path' | 'query'): Json[] {
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
