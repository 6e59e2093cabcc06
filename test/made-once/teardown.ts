// After all tests.

import { rm } from 'node:fs/promises';

export default async function tearDown(): Promise<void> {
  await rm(process.env['BETR_TEST_MADE_ONCE'] ?? '', { recursive: true, force: true });
}
