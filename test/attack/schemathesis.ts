// Schemathesis, a fuzzer made for OpenAPI documents, in a virtual environment of its own under .cache/.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const version = '4.32.5';
const examplesOfEach = 100;

/** Whether a program can be run here. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Fuzzes a server and gives what was printed last; the exit code is 0 where there was no 5xx. The queue of
 * jobs, whose answer when it is full is 503, has tests of its own.
 */
export async function fuzzWithSchemathesis(
  url: string,
  seed: number,
): Promise<{ code: number | null; summary: string }> {
  const folder = join(import.meta.dirname, '..', '..', '..', '.cache', `schemathesis-${version}`);
  const program = join(folder, 'bin', 'schemathesis');
  if (!existsSync(program)) {
    execFileSync('python3', ['-m', 'venv', folder]);
    execFileSync(
      join(folder, 'bin', 'pip'),
      ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  }
  const child = spawn(
    program,
    [
      'run',
      `${url}/openapi.json`,
      '--url',
      url,
      '--checks',
      'not_a_server_error',
      '--max-examples',
      String(examplesOfEach),
      '--seed',
      String(seed),
      '--exclude-operation-id',
      'postJobs',
      '--phases',
      'examples,coverage,fuzzing',
      '--no-color',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, summary: code === 0 ? said.slice(-400) : said.slice(-4000) };
}
