// Hostile requests made from the server's own OpenAPI document: every operation with parameters, headers and
// bodies that are nearly right, far too large, of another kind, or no text at all. The same seed gives the
// same requests.

import { request } from 'node:http';
import fc from 'fast-check';
import { z } from 'zod';

const anyObject = z.record(z.string(), z.unknown());
const parameterSchema = z.object({ name: z.string(), in: z.enum(['path', 'query']), schema: anyObject });
const operationSchema = z.object({
  parameters: z.array(parameterSchema).default([]),
  requestBody: z
    .object({ content: z.record(z.string(), z.object({ schema: anyObject.optional() })) })
    .optional(),
});
export const openApiSchema = z.object({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) });
type Operation = z.output<typeof operationSchema>;

export interface HostileRequest {
  method: string;
  /** As it goes over the wire. */
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const nasty = fc.constantFrom(
  '',
  ' ',
  '0',
  '-0',
  '-1',
  '1e400',
  '1e-400',
  'NaN',
  'Infinity',
  '0x10',
  '1e21',
  '0.1',
  '10%',
  '7B',
  '١',
  '9'.repeat(3000),
  '1.'.repeat(1000),
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  '..%2f..%2fetc',
  '/etc/passwd',
  'C:\\',
  "'; DROP TABLE documents; --",
  '" OR 1=1',
  '$(id)',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '\u0000',
  '\ud800',
  '\u202e',
  '𝕏',
  'a'.repeat(2000),
  ',',
  ',,,',
  'gsm8k',
  'gsm8k,gsm8k',
  'joint',
  'true',
  'null',
  '[]',
  '{}',
  '%',
  '%00',
  '%zz',
  '*',
  '-',
  'csv',
  'parquet',
);
const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: nasty },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.double().map(String),
  fc.integer().map(String),
);

/** Percent-encoded, or nearly. */
function encode(text: string): string {
  return Array.from(text, (sign) => (/[\w.-]/.test(sign) ? sign : encodeSign(sign))).join('');
}

function encodeSign(sign: string): string {
  return [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

/** A value of a schema, as far as it goes; with something else here and there. */
function ofSchema(schema: Record<string, unknown>, depth = 0): fc.Arbitrary<unknown> {
  const { enum: choices, properties, items, anyOf, type, examples } = schema;
  const proper: fc.Arbitrary<unknown>[] = [];
  if (Array.isArray(choices)) proper.push(fc.constantFrom(...choices.map((one): unknown => one)));
  if (Array.isArray(examples)) proper.push(fc.constantFrom(...examples.map((one): unknown => one)));
  const options = z.array(anyObject).safeParse(anyOf).data ?? [];
  if (depth < 4) for (const option of options) proper.push(ofSchema(option, depth + 1));
  const fields = z.record(z.string(), anyObject).safeParse(properties).data;
  if (fields !== undefined && depth < 4)
    proper.push(
      fc.record(
        Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, ofSchema(field, depth + 1)])),
        { requiredKeys: [] },
      ),
    );
  const item = anyObject.safeParse(items).data;
  if (item !== undefined && depth < 4) proper.push(fc.array(ofSchema(item, depth + 1), { maxLength: 12 }));
  if (type === 'number' || type === 'integer') proper.push(fc.double(), fc.integer());
  if (type === 'string') proper.push(value);
  return fc.oneof(
    ...proper.map((arbitrary) => ({ weight: 4, arbitrary })),
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
    { weight: 1, arbitrary: value },
  );
}

/** As JSON, which has nothing for what is not there. */
function textOf(one: unknown): string {
  return one === undefined ? '' : JSON.stringify(one);
}

function bodyOf({ requestBody }: Operation): fc.Arbitrary<{ type: string; body: string } | undefined> {
  if (requestBody === undefined)
    return fc.oneof(
      { weight: 9, arbitrary: fc.constant(undefined) },
      fc.record({ type: fc.constant('application/json'), body: value }),
    );
  const schema = requestBody.content['application/json']?.schema ?? {};
  const json = ofSchema(schema).map(textOf);
  const broken = fc.tuple(json, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)));
  const deep = fc.nat({ max: 100_000 }).map((depth) => '['.repeat(depth));
  const table = fc
    .array(
      fc.array(value, { maxLength: 4 }).map((cells) => cells.join(',')),
      { maxLength: 12 },
    )
    .map((lines) => ['flops,keep,loss', ...lines].join('\n'));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('application/json'), body: json }) },
    fc.record({
      type: fc.constantFrom(
        'application/json',
        'text/csv',
        'application/json; charset=utf-7',
        'multipart/form-data',
        'nonsense',
      ),
      body: fc.oneof(broken, deep, table, value),
    }),
  );
}

const oddHeaders = fc
  .record(
    {
      Accept: fc.oneof(nasty, fc.constantFrom('text/csv', 'text/html', '*/*;q=0', 'application/json')),
      'If-None-Match': fc.oneof(nasty, fc.constant('*')),
      'Last-Event-ID': value,
      Authorization: fc.oneof(nasty, fc.constant('Bearer x')),
      Range: nasty,
      'X-Forwarded-For': nasty,
      'Accept-Encoding': nasty,
    },
    { requiredKeys: [] },
  )
  .map((headers) =>
    Object.fromEntries(
      Object.entries(headers).flatMap(([name, text]) =>
        /^[\x20-\x7e]*$/.test(text) && text.length < 500 ? [[name, text]] : [],
      ),
    ),
  );

/**
 * Requests for the operations of a document. None of them starts a job: the queue of jobs has tests of its
 * own.
 */
export function hostileRequests(document: z.output<typeof openApiSchema>): fc.Arbitrary<HostileRequest> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const requests = operations.map(({ path, method, operation }) => {
    const inQuery = operation.parameters.filter((one) => one.in === 'query');
    const query = fc.array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc
            .constantFrom(...(inQuery.length === 0 ? [{ name: 'x', schema: {} }] : inQuery))
            .chain(({ name, schema }) =>
              fc.tuple(
                fc.constant(name),
                ofSchema(schema).map((one) => (typeof one === 'string' ? one : textOf(one))),
              ),
            ),
        },
        fc.tuple(value, value),
      ),
      { maxLength: 5 },
    );
    return fc
      .record({
        query,
        params: fc.array(value, { minLength: 4, maxLength: 4 }),
        sent: bodyOf(operation),
        headers: oddHeaders,
        other: fc.oneof(
          { weight: 12, arbitrary: fc.constant(undefined) },
          fc.constantFrom('HEAD', 'PUT', 'OPTIONS', 'PATCH', 'DELETE'),
        ),
      })
      .map(({ query: pairs, params, sent, headers, other }): HostileRequest => {
        let at = 0;
        const filled = path.replace(/\{\w+\}/g, () => encode(params[at++] ?? '') || '-');
        const search = pairs.map(([name, text]) => `${encode(name)}=${encode(text)}`).join('&');
        const isJob = path === '/jobs' && /"kind"\s*:\s*"(?:index|train|rank|run)"/.test(sent?.body ?? '');
        return {
          method: other ?? method,
          path: `${filled}${search === '' ? '' : `?${search}`}`.slice(0, 7_000),
          headers: { ...headers, ...(sent === undefined ? {} : { 'Content-Type': sent.type }) },
          body: isJob ? '{}' : sent?.body,
        };
      });
  });
  return fc.oneof(...requests);
}

/** Sends one as it is and reads the answer. */
export function sendHostile(
  url: string,
  { method, path, headers, body }: HostileRequest,
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        hostname,
        port,
        method,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }) },
      },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
        );
        response.once('error', reject);
      },
    );
    asked.once('error', reject);
    asked.end(body);
  });
}

/** Sends so many, a few at a time, and tells of those that ended in a defect or without an answer. */
export async function attack(
  url: string,
  { count, seed, atOnce = 4 }: { count: number; seed: number; atOnce?: number },
): Promise<{ byStatus: Map<number, number>; failures: string[] }> {
  const document = openApiSchema.parse(await (await fetch(`${url}/openapi.json`)).json());
  const requests = fc.sample(hostileRequests(document), { numRuns: count, seed });
  const byStatus = new Map<number, number>();
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    for (let next = requests.pop(); next !== undefined; next = requests.pop()) {
      try {
        const { status, text } = await sendHostile(url, next);
        byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
        if (status >= 500) failures.push(`${status} ${describeRequest(next)}: ${text.slice(0, 300)}`);
      } catch (error) {
        failures.push(`${describeRequest(next)}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  return { byStatus, failures };
}

function describeRequest({ method, path, headers, body }: HostileRequest): string {
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers).slice(0, 300)} ${(body ?? '').slice(0, 200)}`;
}
