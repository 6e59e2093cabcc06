// Pipes, sockets, devices and folders where files are expected: each is refused by what it is, or read
// without a thread that waits, so that a signal ends every command.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readPieces } from '../../data/files/files.ts';
import { hashFiles } from '../../data/files/hash-files.ts';
import { openRegular, openRegularSync, readOnce, readRegular } from '../../run/regular-file.ts';
import { describeDuplicates, listShards } from '../../data/shards.ts';
import { betr } from '../cli/betr.ts';
import { betrPath, jsonl, run } from '../cli/project.ts';
import { someOf } from '../long.ts';

const isWindows = process.platform === 'win32';
const testOnUnix = isWindows ? it.skip : it;
if (isWindows) console.log('skipped: Windows has no pipes among its files');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-pipes-'));
});
afterAll(() => rm(folder, { recursive: true }));

function makePipe(path: string): void {
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
}

/** A project with documents, a benchmark, and more settings. */
async function makeProject(name: string, settings: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const made = join(folder, name);
  await mkdir(join(made, 'corpus'), { recursive: true });
  await writeFile(
    join(made, 'corpus/a.jsonl'),
    jsonl(Array.from({ length: 20 }, (_, i) => ({ id: `d${i}`, text: `words of document ${i}` }))),
  );
  await writeFile(join(made, 'b.jsonl'), jsonl([{ question: 'what?', answer: 'that' }]));
  await writeFile(
    join(made, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['corpus/*'] },
      benchmarks: [{ name: 'b', files: ['b.jsonl'] }],
      ...settings,
    }),
  );
  return made;
}

describe('a file that is none', () => {
  testOnUnix('is refused by what it is, whether it is named, matched or linked to', async () => {
    await mkdir(join(folder, 'kinds/e.jsonl'), { recursive: true });
    const at = (name: string): string => join(folder, 'kinds', name);
    await writeFile(at('a.jsonl'), 'x');
    makePipe(at('b.jsonl'));
    const server = createServer().listen(at('c.jsonl'));
    await once(server, 'listening');
    await symlink('/dev/zero', at('d.jsonl'));
    await symlink('b.jsonl', at('f.jsonl'));
    const told = async (pattern: string): Promise<unknown> =>
      listShards([pattern], join(folder, 'kinds')).then((shards) => shards.map(({ name }) => name), String);
    try {
      for (const [name, kind] of [
        ['b', 'named pipe (FIFO)'],
        ['c', 'socket'],
        ['d', 'character device'],
        ['f', 'named pipe (FIFO)'],
      ] as const) {
        for (const pattern of [`${name}.jsonl`, `${name}.js*`])
          expect(await told(pattern)).toContain(`${at(`${name}.jsonl`)} cannot be read: it is a ${kind}`);
      }
      expect(await told('*.jsonl')).toContain('cannot be read: it is a');
      for (const pattern of ['e.jsonl', '[ae].jsonl'])
        expect(await told(pattern)).toContain(`${at('e.jsonl')} is a folder`);
      // A folder that is named like a file is none of them where the files in it are meant.
      await writeFile(at('e.jsonl/part.jsonl'), 'x');
      expect(await told('e*/**/*.jsonl')).toEqual(['e.jsonl/part.jsonl']);
      expect(await told('[ae]*')).toContain('is a folder');
    } finally {
      server.close();
    }
  });

  testOnUnix('is never waited for, whatever opens it', async () => {
    const pipe = join(folder, 'opened');
    makePipe(pipe);
    const refused = /it is a named pipe \(FIFO\)/;
    await expect(openRegular(pipe)).rejects.toThrow(refused);
    await expect(readRegular(pipe)).rejects.toThrow(refused);
    expect(() => openRegularSync(pipe)).toThrow(refused);
    await expect(readPieces(pipe).next()).rejects.toThrow(refused);
    expect(await hashFiles([pipe], 1)).toEqual([{ problem: expect.stringMatching(refused) }]);
    await expect(openRegular('/dev/null')).rejects.toThrow('it is a character device');
    await expect(openRegular(folder)).rejects.toThrow('it is a folder');
  });

  testOnUnix.each<[string, Record<string, unknown>, string, string[]]>([
    [
      'a shard in JSON Lines',
      { corpus: { files: ['x.jsonl.gz'] } },
      'x.jsonl.gz',
      ['rank', '--scorer', 'length'],
    ],
    ['a shard in Parquet', { corpus: { files: ['x.parquet'] } }, 'x.parquet', ['rank', '--scorer', 'length']],
    ['a benchmark', { benchmarks: [{ name: 'b', files: ['x.csv'] }] }, 'x.csv', ['examples']],
    ['a table of losses', {}, 'x.csv', ['domains', '--losses', 'x.csv', '--errors', 'x.csv']],
    ['a fastText model', {}, 'x.bin', ['rank', '--scorer', 'fasttext:x.bin']],
    ['test items', {}, 'x.jsonl', ['leaks', '--tests', 'x.jsonl']],
    ['the lock of a run', {}, 'run/lock', ['rank', '--scorer', 'length']],
    ['the published ranking', {}, 'run/ranking.json', ['status']],
  ])('ends a command with a sentence: %s', async (name, settings, file, args) => {
    const project = await makeProject(name.replaceAll(' ', '-'), settings);
    await mkdir(join(project, 'run'));
    makePipe(join(project, file));
    const { code, stdout, stderr } = await betr(project, args);
    expect([code, stdout + stderr]).toEqual([
      1,
      expect.stringContaining(
        `${join(project, file)} cannot be read: it is a named pipe (FIFO), but only a regular file can be read here.`,
      ),
    ]);
  });

  testOnUnix('ends the loading of a model with a sentence', async () => {
    const project = await makeProject('model', { embedding: { model: 'mine' } });
    await mkdir(join(project, 'mine/onnx'), { recursive: true });
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
      await writeFile(join(project, 'mine', file), '{}');
    makePipe(join(project, 'mine/onnx/model.onnx'));
    expect((await betr(project, ['index'])).stderr).toContain(
      'onnx/model.onnx is a named pipe (FIFO), and only regular files can be loaded',
    );
  });

  testOnUnix('names a pipe in the place of a folder, and takes a pattern longer than a name', async () => {
    const project = await makeProject('folder-pipe');
    makePipe(join(project, 'pipe'));
    for (const pattern of ['pipe/*.jsonl', 'pipe/a.jsonl'])
      await expect(listShards([pattern], project)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    const long = `corpus/{${Array.from({ length: 100 }, (_, at) => `none${at}`).join(',')},a}.jsonl`;
    expect((await listShards([long], project)).map(({ name }) => name)).toEqual(['corpus/a.jsonl']);
  });

  testOnUnix('is no folder for a selection', async () => {
    const project = await makeProject('out');
    expect((await betr(project, ['rank', '--scorer', 'length'])).code).toBe(0);
    makePipe(join(project, 'pipe'));
    expect(
      (await betr(project, ['select', '--scorer', 'length', '--keep', '50%', '--out', 'pipe'])).stderr,
    ).toContain('it is a named pipe (FIFO)');
  });
});

describe('two names of one file', () => {
  it('are one shard, and that is told', async () => {
    const project = await makeProject('twice');
    await link(join(project, 'corpus/a.jsonl'), join(project, 'corpus/b.jsonl'));
    await symlink('a.jsonl', join(project, 'corpus/c.jsonl'));
    await writeFile(join(project, 'corpus/d.jsonl'), jsonl([{ id: 'd', text: 'another one' }]));
    const shards = await listShards(['corpus/*', 'corpus/a.jsonl'], project);
    expect(shards.map(({ name }) => name)).toEqual(['corpus/a.jsonl', 'corpus/d.jsonl']);
    expect(describeDuplicates(shards)).toEqual([
      '1 file has several names (links), and counts once: corpus/a.jsonl (also corpus/b.jsonl, corpus/c.jsonl)',
    ]);
    const { stdout } = await betr(project, ['rank', '--scorer', 'length']);
    expect(stdout).toMatch(/Ranked 21 documents[^]*Note: 1 file has several names \(links\)/);
  });

  it('are nothing to tell where only one of them is named', async () => {
    const project = await makeProject('once', { corpus: { files: ['corpus/c.jsonl'] } });
    await symlink('a.jsonl', join(project, 'corpus/c.jsonl'));
    await link(join(project, 'corpus/a.jsonl'), join(project, 'corpus/e.jsonl'));
    const shards = await listShards(['corpus/c.jsonl'], project);
    expect([shards.map(({ name }) => name), describeDuplicates(shards)]).toEqual([['corpus/c.jsonl'], []]);
  });
});

describe('a pipe that is read once', () => {
  testOnUnix('is waited for, and read to its end, up to a bound', async () => {
    const pipe = join(folder, 'read-once');
    makePipe(pipe);
    const write = (command: string): void =>
      void spawn('sh', ['-c', `sleep 0.1; (${command}) > '${pipe}'`], { stdio: 'ignore' });
    write('printf a; sleep 0.1; printf b');
    expect(await readOnce(pipe, 10)).toBe('ab');
    write('head -c 1000000 /dev/zero');
    await expect(readOnce(pipe, 70_000)).rejects.toThrow('it has more than 70000 bytes');
    await expect(readOnce('/dev/zero', 10)).rejects.toThrow('it is a character device');
  });

  testOnUnix('can be the settings, whose paths start from the current folder', async () => {
    const project = await makeProject('settings');
    const shell = (command: string) => run('bash', ['-c', command], project);
    for (const command of [
      `"${process.execPath}" "${betrPath}" status --json --config <(sleep 0.1; cat betr.yaml)`,
      `cat betr.yaml | "${process.execPath}" "${betrPath}" status --json --config /dev/stdin`,
    ]) {
      const { code, stdout } = await shell(command);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`"folder": "${join(project, 'run')}"`)]);
    }
    expect((await readdir(project)).includes('run')).toBe(true);
  });

  testOnUnix(
    'and never comes is ended by a signal, whatever waits for it',
    async () => {
      const project = await makeProject('signal');
      makePipe(join(project, 'pipe'));
      const after = 2500;
      const cases = [
        ['SIGTERM', 143, ['status', '--config', 'pipe']],
        ['SIGINT', 130, ['work', 'pipe']],
        ['SIGTERM', 143, ['serve', '--config', 'pipe']],
        ['SIGINT', 130, ['calibrate', 'pipe']],
      ] as const;
      await Promise.all(
        someOf(cases, 2).map(async ([signal, code, args]) => {
          const ended = await run(process.execPath, [betrPath, ...args], project, {}, { after, signal });
          expect([args[0], ended.code, ended.ms > after - 100, ended.ms < after + 2000]).toEqual([
            args[0],
            code,
            true,
            true,
          ]);
        }),
      );
    },
    30_000,
  );
});

describe('a query that takes long', () => {
  it('does not keep its process from ending', async () => {
    const script = join(folder, 'query.mjs');
    await writeFile(
      script,
      `
      import { withDuckDb } ` +
        `from ${JSON.stringify(fileURLToPath(new URL('../../data/duckdb/duckdb.js', import.meta.url)))};
      setTimeout(() => process.exit(143), 500);
      await withDuckDb({}, (connection) => connection.run('SELECT count(*) FROM range(1000000) a, ` +
        `range(40000) b WHERE (a.range * b.range) % 7 = 3'));
    `,
    );
    const { code, ms } = await run(
      process.execPath,
      [script],
      folder,
      {},
      { after: 20_000, signal: 'SIGKILL' },
    );
    expect([code, ms < 10_000]).toEqual([143, true]);
  }, 30_000);
});
