import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { commitBytes, commitFile, commitJson, readJson } from '../../../data/files/commit.ts';
import { sha256File } from '../../../data/files/hash-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-commit-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('commitFile', () => {
  it('writes the file, and its folder', async () => {
    const path = join(folder, 'deep', 'a.txt');
    await commitBytes(path, 'whole');
    expect(await readFile(path, 'utf8')).toBe('whole');
    expect(await readdir(join(folder, 'deep'))).toEqual(['a.txt']);
    expect(await sha256File(path)).toBe(createHash('sha256').update('whole').digest('hex'));
  });

  it('keeps the previous file, and no temporary file, if writing fails', async () => {
    const path = join(folder, 'a.txt');
    await writeFile(path, 'before');
    const failing = commitFile(path, async (temporary) => {
      await writeFile(temporary, 'half');
      throw Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });
    });
    await expect(failing).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await readdir(folder)).toEqual(['a.txt']);
    expect(await readFile(path, 'utf8')).toBe('before');
  });

  it('names the reason if the folder cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(commitBytes(join(folder, 'file', 'below'), 'x')).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    });
  });
});

describe('readJson', () => {
  const schema = z.strictObject({ a: z.number() });

  it('reads what commitJson wrote', async () => {
    const path = join(folder, 'a.json');
    await commitJson(path, { a: 1 });
    expect(await readJson(path, schema, 'betr rank')).toEqual({ a: 1 });
  });

  it('is undefined if there is no file', async () => {
    expect(await readJson(join(folder, 'none.json'), schema, 'betr rank')).toBeUndefined();
  });

  it.each(['', '{"a":', '{"a":"1"}', '{"a":1,"b":2}', '[]'])(
    'says what to do about a file that holds %j',
    async (text) => {
      const path = join(folder, 'a.json');
      await writeFile(path, text);
      await expect(readJson(path, schema, 'betr rank')).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        message: expect.stringContaining('Run "betr rank" to recreate it'),
      });
    },
  );
});
