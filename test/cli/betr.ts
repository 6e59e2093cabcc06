// Command lines carried out in the test's own process, without the half second that a process takes to start.

import { jest } from '@jest/globals';
import { runCommandLine } from '../../cli/command-line.ts';
import type { Ended } from './project.ts';

type Written = (error?: Error | null) => void;

/** Carries out the command line in `folder`; one at a time. */
export async function betr(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const startedMs = performance.now();
  const before = process.cwd();
  const told = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    jest
      .spyOn(process[name], 'write')
      .mockImplementation(
        (piece: string | Uint8Array, encoding?: BufferEncoding | Written, done?: Written) => {
          told[name] += typeof piece === 'string' ? piece : Buffer.from(piece).toString();
          (typeof encoding === 'function' ? encoding : done)?.();
          return true;
        },
      ),
  );
  const environment = jest.replaceProperty(process, 'env', { ...process.env, ...env });
  process.chdir(folder);
  try {
    return { code: await runCommandLine(args), ...told, ms: performance.now() - startedMs };
  } finally {
    process.chdir(before);
    environment.restore();
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
}
