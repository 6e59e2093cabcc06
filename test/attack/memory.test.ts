// Where there is too little memory, the error says so, and says neither that betr is at fault nor that a file
// is.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fail, knownError } from '../../run/errors/errors.ts';
import { makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { betrPath, errorOf, run } from '../cli/project.ts';
import { withFolder } from '../data/collect.ts';
import { everything } from '../long.ts';

describe('an error', () => {
  it.each([
    new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance'),
    new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory'),
    new RangeError('Array buffer allocation failed'),
    Object.assign(new Error('Worker terminated due to reaching memory limit: JS heap out of memory'), {
      code: 'ERR_WORKER_OUT_OF_MEMORY',
    }),
    Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' }),
    Object.assign(new Error('libduckdb.so: failed to map segment from shared object'), {
      code: 'ERR_DLOPEN_FAILED',
    }),
    new Error('Out of Memory Error: could not allocate block of size 256.0 KiB (244.1 MiB/244.1 MiB used)'),
    new Error('Exception during initialization: std::bad_alloc'),
  ])('for want of memory is told as such, whatever met it: %s', (error) => {
    for (const met of [
      knownError(error),
      fail('FILE_UNREADABLE', { path: '/a', reason: error.message }, error),
      fail('WRITE_FAILED', { path: '/a', reason: error.message }, knownError(error)),
    ]) {
      expect(met).toMatchObject({
        code: 'MEMORY_SHORT',
        exitCode: 1,
        status: 503,
        message: expect.stringContaining(error.message),
      });
    }
  });

  it.each([
    new Error(
      'Out of Memory Error: failed to offload data block of size 256.0 KiB. This limit was set by the ' +
        '"max_temp_directory_size" setting; temp_directory is full',
    ),
    new Error('ENOSPC: no space left on device, write'),
    new TypeError('x is not a function'),
  ])('for another reason is told as before: %s', (error) => {
    expect(knownError(error).code).toBe('INTERNAL');
    expect(fail('FILE_UNREADABLE', { path: '/a', reason: 'x' }, error).code).toBe('FILE_UNREADABLE');
  });
});

const limited = process.platform === 'linux' ? it : it.skip;

describe('with little address space', () => {
  const under = (
    kibibytes: number,
    folder: string,
    args: readonly string[],
    nodeOptions = '',
  ): ReturnType<typeof run> =>
    run(
      'bash',
      ['-c', `ulimit -c 0; ulimit -v ${kibibytes}; exec "$0" "$@"`, process.execPath, betrPath, ...args],
      folder,
      { NODE_OPTIONS: nodeOptions, MALLOC_ARENA_MAX: '1' },
    );

  limited('ranking ends in words, and works as they say', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'corpus'));
      await writeFile(join(folder, 'corpus', 'a.jsonl'), makeLines(100, 1));
      await makeTrainedRun(folder);
      for (const kibibytes of everything ? [3e6, 15e6] : [3e6]) {
        const { code, stdout, stderr } = await under(kibibytes, folder, ['rank', '--json']);
        expect({ code, error: errorOf(stdout).code }).toEqual({ code: 1, error: 'MEMORY_SHORT' });
        expect(stderr).toMatch(
          /betr: There is not enough memory: WebAssembly[^\n]*--disable-wasm-trap-handler[^\n]* \[MEMORY_SHORT\]\n$/,
        );
        expect(stderr).not.toMatch(/^ +at /m);
      }
      expect(await under(3e6, folder, ['rank'], '--disable-wasm-trap-handler')).toMatchObject({ code: 0 });
      // What has no WebAssembly needs no more.
      expect(await under(3e6, folder, ['status'])).toMatchObject({ code: 0 });
    });
  });
});
