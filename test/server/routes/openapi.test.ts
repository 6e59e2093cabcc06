import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { errorCodes } from '../../../run/errors/errors.ts';
import { allRoutes } from '../../../server/routes.ts';
import { makeScoredRows } from '../../ranking/synthetic.ts';
import { shareServer } from '../serve.ts';

const server = shareServer(makeScoredRows(300));

const anyObject = z.record(z.string(), z.unknown());
const operation = z.looseObject({
  operationId: z.string(),
  summary: z.string(),
  parameters: z.array(
    z.looseObject({
      name: z.string(),
      in: z.enum(['path', 'query']),
      required: z.boolean(),
      schema: anyObject,
    }),
  ),
  responses: z.record(
    z.string(),
    z.looseObject({
      description: z.string(),
      content: z.record(z.string(), z.looseObject({ schema: anyObject.optional() })).optional(),
    }),
  ),
});
const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), anyObject) }),
});

const readDocument = async (): Promise<z.output<typeof documentSchema>> =>
  documentSchema.parse((await server().ask('/openapi.json')).json);
const pathOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

describe('GET /openapi.json', () => {
  it('is OpenAPI 3.1 by its own schema', async () => {
    const { json } = await server().ask('/openapi.json');
    expect(await new Validator().validate(anyObject.parse(json))).toMatchObject({ valid: true });
  });

  it('has every route, with the parameters that it takes', async () => {
    const { paths } = await readDocument();
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(
      allRoutes.map(({ method, path }) => `${method} ${pathOf(path)}`).sort(),
    );
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    expect(paths['/rank']?.['get']?.parameters.map(({ name }) => name)).toEqual([
      'budget',
      'params',
      'tokens',
      'keep',
      'score',
      'poolTokens',
      'pool',
      'tokensPerParam',
      'maxEpochs',
      'benchmarks',
      'without',
    ]);
    for (const [path, methods] of Object.entries(paths)) {
      for (const { parameters } of Object.values(methods))
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`)).toEqual(
          path.match(/\{\w+\}/g) ?? [],
        );
    }
  });

  it('takes exactly the parameters that it documents', async () => {
    const { paths } = await readDocument();
    for (const [path, methods] of Object.entries(paths)) {
      // A page's own address holds what the page reads.
      if (methods['get'] === undefined || path.includes('{') || ['/', '/audit'].includes(path)) continue;
      const reply = await server().ask(`${path}?nonsense=1`);
      const known = methods['get'].parameters.map(({ name }) => name).join(', ');
      expect([path, reply.status, reply.json]).toEqual([
        path,
        400,
        expect.objectContaining({ code: 'PARAMETER_UNKNOWN', values: { parameter: 'nonsense', known } }),
      ]);
    }
  });

  it.each([
    ['/rank', '/rank?budget=1e21'],
    ['/rank', '/rank?keep=0.1&without=mmlu'],
    ['/compare', '/compare?budgets=1e20,1e22'],
    ['/curve', '/curve?points=5'],
    ['/calibrations', '/calibrations'],
    ['/rankings', '/rankings'],
    ['/benchmarks', '/benchmarks'],
    ['/histogram', '/histogram?steps=7'],
    ['/composition', '/composition?budget=1e21&poolTokens=1T'],
    ['/documents', '/documents?order=top&limit=2'],
    ['/jobs', '/jobs'],
    ['/training', '/training'],
    ['/trials', '/trials'],
    ['/pairs', '/pairs'],
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
    ['/openapi.json', '/openapi.json'],
  ])('describes what %s really answers: %s', async (path, asked) => {
    const { paths } = await readDocument();
    const schema = paths[path]?.['get']?.responses['200']?.content?.['application/json']?.schema;
    const reply = await server().ask(asked);
    expect(reply.status).toBe(200);
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema ?? { not: {} });
    validate(reply.json);
    expect(validate.errors).toBeNull();
  });

  it('describes problems as they are', async () => {
    const { components } = await readDocument();
    const validate = new Ajv2020().compile(components.schemas['Problem'] ?? { not: {} });
    for (const path of ['/rank', '/nothing', '/rank?budget=0', '/rank?a=1']) {
      validate((await server().ask(path)).json);
      expect(validate.errors).toBeNull();
    }
  });
});

describe('GET /docs', () => {
  it('shows every route and explains every code where problems point to', async () => {
    const { text, headers } = await server().ask('/docs');
    expect(headers.get('content-type')).toContain('text/html');
    for (const { method, path } of allRoutes)
      expect(text).toContain(`<code>${method.toUpperCase()} ${pathOf(path)}</code>`);
    for (const code of errorCodes) expect(text).toContain(`<tr id="${code}">`);
    expect(text).not.toMatch(/undefined|\[object/);
    // Nothing of it comes from elsewhere.
    expect(text.match(/(?:src|href)="(?!\/|#)/g)).toBeNull();
  });
});
