// Needs the Python worker (`make trainer`). BETR_KILLS sets the number of kills.

import { expect, it, jest } from '@jest/globals';
import { checkPython, findPython } from '../../models/trainer/python.ts';
import { everything } from '../long.ts';
import { crashTrials } from './trial-crash.ts';

jest.setTimeout(3_600_000);

const python = findPython(undefined, '.');
const why = everything
  ? await checkPython(python).then(
      () => undefined,
      (error: unknown) => String(error),
    )
  : 'runs only in make test-all';
if (why !== undefined) process.stderr.write(`test/crash/trial-crash: ${why}; skipped\n`);
const test = why === undefined ? it : it.skip;

test('a trial whose workers and command are killed at random ends with the report of an undisturbed one', async () => {
  const rounds = Number(process.env['BETR_KILLS'] ?? 6);
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const { kills, series } = await crashTrials(python, { rounds, seed: rounds }, tell);
  expect(series).toBeGreaterThan(0);
  expect(Object.values(kills).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(rounds / 2);
});
