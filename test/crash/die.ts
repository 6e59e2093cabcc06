// Loaded before a process's own code (node --import): kills the process at a moment of chance around the
// renaming of a file, between fsync and rename, or between rename and whatever comes after, with the
// probability BETR_DIE.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const probability = Number(process.env['BETR_DIE'] ?? 0);
const { rename } = fs.promises;

function die(): void {
  if (Math.random() < probability / 2) process.kill(process.pid, 'SIGKILL');
}

fs.promises.rename = async (from, to) => {
  die();
  await rename(from, to);
  die();
};
syncBuiltinESMExports();
