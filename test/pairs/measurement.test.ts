import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import {
  addCheck,
  listMeasurements,
  type Measurement,
  type NewMeasurement,
  openMeasurement,
  sqlCollect,
  writeMeasurement,
} from '../../pairs/measurement.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-measurement-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const given: NewMeasurement = {
  name: 'models-tiny',
  method: 'models',
  proxy: false,
  beta: 0.01,
  checkpoints: 'last',
  settings: {},
  seconds: 1,
  notes: [],
};
const set = () => ({ name: 'feedback', seal: 'a', files: { measurements: join(folder, 'measurements') } });

/** Pair 0 is judged by two models at two steps, pair 1 by one, pair 2 by none, pair 3 is unknown. */
const values = `
  SELECT * FROM (VALUES (0, 'a', 20, 0.25), (0, 'a', 10, 9.0), (0, 'b', 10, 9.0), (0, 'b', 20, -0.25),
    (1, 'a', 10, 1.0))
    AS v(pair, model, step, margin)`;
const unknown = `SELECT 3 AS pair, 'too long' AS reason`;

function write(name: string, rows = sqlCollect(values, 4, unknown)): Promise<Measurement> {
  return withDuckDb({ threads: 1 }, (connection) =>
    writeMeasurement(connection, set(), { ...given, name }, rows),
  );
}

describe('a measurement', () => {
  it('has a row for every pair, a reason where there is no difficulty, and a card that counts both', async () => {
    await write('models-tiny');
    const { card, difficulties, values: said } = await openMeasurement(set(), 'models-tiny');
    expect(card).toMatchObject({
      known: 2,
      unknown: { 'no model judged it': 1, 'too long': 1 },
      pairsSeal: 'a',
      proxy: false,
    });
    const [rows, losses] = await withDuckDb({ threads: 1 }, async (connection) => [
      await queryRows(connection, `FROM ${parquetSource(difficulties)}`, z.record(z.string(), z.unknown())),
      await queryRows(
        connection,
        `SELECT pair::INTEGER AS pair, model, checkpoint, loss FROM ${parquetSource(said)} ORDER BY ALL`,
        z.object({ pair: z.number(), model: z.string(), checkpoint: z.number(), loss: z.number() }),
      ),
    ]);
    // ln(1 + e^-.25) and ln(1 + e^.25); their mean and their standard deviation.
    const [low, high] = [0.57593942, 0.82593942];
    expect(rows).toEqual([
      {
        pair: 0n,
        difficulty: expect.closeTo((low + high) / 2, 8),
        unknown: null,
        spread: expect.closeTo((high - low) / Math.SQRT2, 8),
        margin: 0,
        models: 2,
        learned_step: null,
      },
      {
        pair: 1n,
        difficulty: expect.closeTo(Math.log1p(Math.exp(-1)), 8),
        unknown: null,
        spread: null,
        margin: 1,
        models: 1,
        learned_step: 10,
      },
      {
        pair: 2n,
        difficulty: null,
        unknown: 'no model judged it',
        spread: null,
        margin: null,
        models: 0,
        learned_step: null,
      },
      {
        pair: 3n,
        difficulty: null,
        unknown: 'too long',
        spread: null,
        margin: null,
        models: 0,
        learned_step: null,
      },
    ]);
    expect(losses).toHaveLength(5);
    expect(losses[1]).toEqual({ pair: 0, model: 'a', checkpoint: 20, loss: expect.closeTo(low, 8) });
  });

  it('is found by name, and refused for other pairs', async () => {
    await write('models-b');
    expect(await listMeasurements(set())).toContain('models-b');
    await expect(openMeasurement(set(), 'models-c')).rejects.toMatchObject({ code: 'MEASUREMENT_UNKNOWN' });
    await expect(openMeasurement({ ...set(), seal: 'b' }, 'models-b')).rejects.toMatchObject({
      code: 'MEASUREMENT_OTHER_PAIRS',
    });
    await expect(openMeasurement(set(), '../models-b')).rejects.toMatchObject({ code: 'MEASUREMENT_NAME' });
  });

  it('shows damage to each of its files', async () => {
    for (const [name, file] of [
      ['m1', 'm1.json'],
      ['m2', 'm2.parquet'],
      ['m3', 'm3.values.parquet'],
    ] as const) {
      await write(name);
      const path = join(folder, 'measurements', file);
      const bytes = await readFile(path);
      bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
      await writeFile(path, bytes);
      await expect(openMeasurement(set(), name)).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
    }
  });

  it('keeps what it agrees with', async () => {
    await write('checked');
    const check = { with: 'models-tiny', pairs: 2, spearman: 0.5, low: 0.1, high: 0.9 };
    await addCheck(set(), 'checked', check);
    expect((await openMeasurement(set(), 'checked')).card.check).toEqual(check);
  });

  it('is refused if it orders nothing, and the earlier one stays', async () => {
    await write('kept');
    const same = sqlCollect(
      `SELECT range AS pair, 'a' AS model, NULL AS step, 0.0 AS margin FROM range(4)`,
      4,
    );
    await expect(write('kept', same)).rejects.toMatchObject({ code: 'MEASUREMENT_CONSTANT' });
    const none = sqlCollect(`SELECT 0 AS pair, 'a' AS model, NULL AS step, 0.0 AS margin LIMIT 0`, 4);
    await expect(write('kept', none)).rejects.toMatchObject({ code: 'MEASUREMENT_EMPTY' });
    expect((await openMeasurement(set(), 'kept')).card.known).toBe(2);
  });
});
