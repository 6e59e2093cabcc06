// Ends as soon as the lease that it takes is there, often before it knows of it.

import { existsSync } from 'node:fs';
import { takeLease } from '../../../data/files/lease.ts';

const path = process.argv[2] ?? '';
void takeLease(path, 60_000);
const look = (): void => {
  if (existsSync(path)) process.exit();
  setImmediate(look);
};
look();
