// Every number of betr.yaml has bounds.

import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parseSettings } from '../../../run/read-settings.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { beyond } from './beyond.ts';

const numbers = beyond.filter((text) => text !== 'NaN' && !text.includes('Infinity'));

/** The schema of an object's fields, whatever is around them. */
function unwrap(schema: unknown): unknown {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable
  )
    return unwrap(schema.unwrap());
  return schema;
}

/** Paths of all numbers in a schema, 0 for the items of a list. */
function numbersIn(schema: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodNumber) return [[...path]];
  if (inner instanceof z.ZodObject)
    return Object.entries(inner.shape).flatMap(([key, field]) => numbersIn(field, [...path, key]));
  return inner instanceof z.ZodArray ? numbersIn(inner.element, [...path, 0]) : [];
}

function nest(path: readonly (string | number)[], value: unknown): unknown {
  return path.reduceRight((inner, key) => (key === 0 ? [inner] : { [key]: inner }), value);
}

describe('the settings', () => {
  const paths = numbersIn(settingsSchema);

  it('have more than 25 numbers', () => {
    expect(paths.map((path) => path.join('.'))).toEqual(
      expect.arrayContaining([
        'keep.maxEpochs',
        'keep.budgets.0',
        'sample.seed',
        'search.nearest',
        'domains.repeat',
        'scoring.lostSeconds',
        'workers',
      ]),
    );
    expect(paths.length).toBeGreaterThan(25);
  });

  it.each(paths.map((path): [string, (string | number)[]] => [path.join('.'), path]))(
    'refuse numbers beyond the bounds for %s',
    (name, path) => {
      const [first = ''] = path;
      const needed = {
        corpus: { files: ['a.jsonl'] },
        benchmarks: [],
        ...(first === 'domains' ? { domains: { losses: 'a.csv', errors: 'b.csv' } } : {}),
        ...(first === 'models' ? { models: [{ name: 'a', model: 'dummy' }] } : {}),
        ...(first === 'judges' ? { judges: [{ name: 'a', model: 'b', preset: 'math' }] } : {}),
      };
      for (const number of numbers.map(Number)) {
        const text = JSON.stringify(merge(needed, nest(path, number)), (_key, value: unknown) =>
          value === Infinity ? '\0inf' : value === -Infinity ? '\0-inf' : value,
        )
          .replaceAll(String.raw`"\u0000inf"`, '.inf')
          .replaceAll(String.raw`"\u0000-inf"`, '-.inf');
        expect(() => parseSettings(text, 'betr.yaml')).toThrow(
          expect.objectContaining({
            code: 'SETTINGS_INVALID',
            message: expect.stringContaining(name.replaceAll(/\.0\b/g, '[0]')),
          }),
        );
      }
    },
  );
});

function merge(a: Record<string, unknown>, b: unknown): Record<string, unknown> {
  const more = z.record(z.string(), z.unknown()).parse(b);
  return {
    ...a,
    ...Object.fromEntries(
      Object.entries(more).map(([key, value]) => [
        key,
        typeof value === 'object' && value !== null && !Array.isArray(value)
          ? merge(z.record(z.string(), z.unknown()).parse(a[key] ?? {}), value)
          : value,
      ]),
    ),
  };
}
