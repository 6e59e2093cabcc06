import { spawnSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSettings } from '../../run/read-settings.ts';
import { listCorpus, listShards } from '../../data/shards.ts';
import { asOrdinaryUser } from '../ordinary-user.ts';
import { withFolder } from './collect.ts';

async function withFiles(files: readonly string[], use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    for (const file of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), 'x');
    }
    await use(folder);
  });
}

describe('listCorpus', () => {
  const list = (settingsFolder: string, settings: object): Promise<string[]> =>
    listCorpus({
      settings: parseSettings(JSON.stringify(settings), ''),
      settingsPath: '',
      settingsFolder,
    }).then((shards) => shards.map(({ name }) => name));

  it('skips files in the run folder, whatever the patterns match', async () => {
    await withFiles(
      ['a.jsonl', 'run/manifest/published.jsonl', 'runs/b.jsonl', 'mine/quarantine/c.jsonl'],
      async (folder) => {
        expect(await list(folder, { corpus: { files: ['**/*.jsonl'] } })).toEqual([
          'a.jsonl',
          'mine/quarantine/c.jsonl',
          'runs/b.jsonl',
        ]);
        expect(await list(folder, { run: 'mine', corpus: { files: ['**/*.jsonl'] } })).toEqual([
          'a.jsonl',
          'run/manifest/published.jsonl',
          'runs/b.jsonl',
        ]);
        await expect(list(folder, { corpus: { files: ['run/**/*.jsonl'] } })).rejects.toMatchObject({
          code: 'NO_FILES',
        });
      },
    );
  });
});

describe('listShards', () => {
  it('finds literal paths and patterns, each file once, sorted by code unit', async () => {
    await withFiles(
      ['b.jsonl', 'B.jsonl.gz', 'deep/er/c.jsonl.zst', 'a.parquet', 'notes.txt'],
      async (folder) => {
        const shards = await listShards(
          ['**/*.{zst,parquet}', 'b.jsonl', '*.jsonl*', 'deep/er/c.jsonl.zst'],
          folder,
        );
        expect(shards.map(({ name, format }) => [name, format])).toEqual([
          ['B.jsonl.gz', 'jsonl.gz'],
          ['a.parquet', 'parquet'],
          ['b.jsonl', 'jsonl'],
          ['deep/er/c.jsonl.zst', 'jsonl.zst'],
        ]);
        expect(shards[0]).toMatchObject({
          path: join(folder, 'B.jsonl.gz'),
          bytes: 1,
          modifiedMs: expect.any(Number),
        });
        expect(await listShards(['*.jsonl*', 'deep/er/c.jsonl.zst', '**/*.{zst,parquet}'], folder)).toEqual(
          shards,
        );
      },
    );
  });

  it('prefers an existing file to a pattern of the same name', async () => {
    await withFiles(['part[1].jsonl', 'part1.jsonl'], async (folder) => {
      expect((await listShards(['part[1].jsonl'], folder)).map(({ name }) => name)).toEqual([
        'part[1].jsonl',
      ]);
    });
  });

  it('names a file outside the folder by its absolute path', async () => {
    await withFiles(['corpus/a.jsonl', 'project/betr.yaml'], async (folder) => {
      expect(
        (await listShards(['../corpus/*.jsonl'], join(folder, 'project'))).map(({ name }) => name),
      ).toEqual([join(folder, 'corpus/a.jsonl')]);
      expect((await listShards([join(folder, 'corpus/a.jsonl')], folder)).map(({ name }) => name)).toEqual([
        'corpus/a.jsonl',
      ]);
      for (const pattern of [
        join(folder, 'corpus/*.jsonl'),
        join(folder, '**/*.jsonl'),
        `../${basename(folder)}/corpus/*.jsonl`,
      ])
        expect((await listShards([pattern], folder)).map(({ name }) => name)).toEqual(['corpus/a.jsonl']);
    });
  });

  it('lists a file once, however many links lead to it, by the name that is not a link', async () => {
    await withFiles(['deep/b.jsonl', 'elsewhere/c.jsonl'], async (folder) => {
      await symlink('.', join(folder, 'deep', 'self'));
      await symlink('..', join(folder, 'deep', 'up'));
      await symlink('b.jsonl', join(folder, 'deep', 'a.jsonl'));
      await symlink('../elsewhere/c.jsonl', join(folder, 'deep', 'only.jsonl'));
      expect((await listShards(['**/*.jsonl'], folder)).map(({ name }) => name)).toEqual([
        'deep/b.jsonl',
        'elsewhere/c.jsonl',
      ]);
      expect((await listShards(['deep/*.jsonl'], folder)).map(({ name }) => name)).toEqual([
        'deep/b.jsonl',
        'deep/only.jsonl',
      ]);
    });
  });

  it('reports a folder that cannot be read', async () => {
    const user = asOrdinaryUser();
    if (user === undefined) return;
    await withFiles(
      ['open/a.jsonl', 'open/notes/x.txt', 'closed/deep/b.jsonl', 'lost+found/c.jsonl'],
      async (folder) => {
        const list = (pattern: string): string =>
          spawnSync(process.execPath, [join(import.meta.dirname, 'list-shards.js'), pattern, folder], {
            ...user,
            encoding: 'utf8',
            cwd: '/',
          }).stdout;
        await chmod(folder, 0o755);
        await chmod(join(folder, 'lost+found'), 0o700);
        expect(list('**/*.jsonl')).toBe('["closed/deep/b.jsonl","open/a.jsonl"]');
        await chmod(join(folder, 'closed'), 0o700);
        for (const pattern of ['**/*.jsonl', '*/*.jsonl', '*/deep/*.jsonl'])
          expect(list(pattern)).toMatch(
            new RegExp(`^FILE_UNREADABLE ${join(folder, 'closed')} cannot be read: EACCES`),
          );
        expect(list('open/**/*.jsonl')).toBe('["open/a.jsonl"]');
        await symlink('/nonexistent', join(folder, 'open', 'dangling.jsonl'));
        await symlink('/nonexistent', join(folder, 'open', 'dangling.txt'));
        await expect(listShards(['open/*.jsonl'], folder)).rejects.toMatchObject({
          code: 'FILE_NOT_FOUND',
          message: expect.stringContaining('dangling.jsonl'),
        });
      },
    );
  });

  it('reports missing paths, patterns without matches, and files of unknown type', async () => {
    await withFiles(['a.jsonl', 'a.csv'], async (folder) => {
      await expect(listShards(['a.jsonl', 'none.jsonl'], folder)).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
        message: expect.stringContaining(join(folder, 'none.jsonl')),
      });
      await expect(listShards(['a.jsonl', '*.gz'], folder)).rejects.toMatchObject({
        code: 'NO_FILES',
        message: expect.stringContaining('*.gz'),
      });
      await expect(listShards(['a.*'], folder)).rejects.toMatchObject({
        code: 'FILE_KIND_UNKNOWN',
        message: expect.stringContaining('a.csv'),
      });
      await expect(listShards([folder], folder)).rejects.toMatchObject({
        code: 'FILE_KIND_UNKNOWN',
        message: expect.stringContaining(`${folder} is a folder`),
      });
      await writeFile(
        Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9]), Buffer.from('.jsonl')]),
        'x',
      );
      await expect(listShards(['*.jsonl'], folder)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining('not UTF-8'),
      });
    });
  });
});
