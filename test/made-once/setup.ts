// Before all tests: a folder for what several test files start from.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default async function setUp(): Promise<void> {
  // Jest's workers inherit the environment.
  process.env['BETR_TEST_MADE_ONCE'] = await mkdtemp(join(tmpdir(), 'betr-made-once-'));
}
