import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Told } from '../../../indexer/judges/ask.ts';
import { openPlaceIndex } from '../../../indexer/judges/place-index.ts';
import { openReplyStore } from '../../../indexer/judges/reply-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-replies-'));
});
afterEach(() => rm(folder, { recursive: true }));

const digest = (of: string): string => createHash('sha256').update(of).digest('hex').slice(0, 32);
const told = (of: string, tokens = 10): Told & { digest: string } => ({
  digest: digest(of),
  tokens,
  reply: { sums: [-0.1 * of.length, null], maxima: [-1 / 3, -Number.MIN_VALUE] },
});

describe('the store of replies', () => {
  it('returns exactly what was stored, also to another process, and nothing else', async () => {
    const store = await openReplyStore(folder);
    const replies = [
      told('a'),
      { digest: digest('b'), tokens: 0, reply: { ratings: [3, null, 4.5] } },
      { digest: digest('c'), tokens: 7, reply: { reason: 'too long' as const } },
    ];
    await store.add(replies);
    const digests = ['a', 'none', 'b', 'c'].map(digest);
    const expected = [replies[0]?.reply, undefined, replies[1]?.reply, replies[2]?.reply];
    expect(store.find(digests)).toEqual(expected);
    const other = await openReplyStore(folder);
    expect(other.find(digests)).toEqual(expected);
    expect([store.tokens(), other.tokens()]).toEqual([17, 17]);

    // Each sees what the other has stored since.
    await other.add([told('d', 5)]);
    expect(store.find([digest('d')])).toEqual([undefined]);
    await store.refresh();
    await store.refresh();
    expect(store.find([digest('d')])).toEqual([told('d').reply]);
    expect([store.tokens(), other.tokens()]).toEqual([22, 22]);
    await store.close();
    await other.close();
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('counts an incomplete or a damaged line as missing, wherever a process was stopped', async () => {
    const store = await openReplyStore(folder);
    const names = Array.from({ length: 20 }, (_, i) => `text ${'x'.repeat(i)}`);
    await Promise.all(names.map((name) => store.add([told(name)])));
    await store.close();
    const [name = ''] = await readdir(folder);
    const path = join(folder, name);
    const whole = await readFile(path);
    const places = names.map((one) => whole.indexOf(digest(one)));
    for (const length of [0, 1, 33, whole.length >> 1, whole.length - 1]) {
      await truncate(path, length);
      const ends = names.map((_, at) => (places[at + 1] ?? whole.length) <= length);
      const again = await openReplyStore(folder);
      expect(again.find(names.map(digest)).map((reply) => reply !== undefined)).toEqual(ends);
      expect(again.tokens()).toBe(10 * ends.filter(Boolean).length);
      // What is judged again goes into another file, and does not continue the line.
      await again.add([told('new')]);
      await again.close();
      const after = await openReplyStore(folder);
      expect(after.find([digest('new')])).toEqual([told('new').reply]);
      await after.close();
      for (const other of await readdir(folder)) if (other !== name) await rm(join(folder, other));
      await writeFile(path, whole);
    }
    const damaged = Buffer.from(whole);
    damaged[(places[3] ?? 0) + 60] = 'x'.charCodeAt(0);
    await writeFile(path, damaged);
    await writeFile(join(folder, 'notes.txt'), 'not a store');
    await appendFile(path, 'something else\n');
    const again = await openReplyStore(folder);
    expect(again.find(names.map(digest)).filter((reply) => reply === undefined)).toHaveLength(1);
    await again.close();
  });

  it('names what is no file among its files', async () => {
    const store = await openReplyStore(folder);
    await mkdir(join(folder, `${'0'.repeat(16)}.replies`));
    await expect(store.refresh()).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(openReplyStore(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await store.close();
  });

  it('says DISK_FULL or WRITE_FAILED where it cannot write, and keeps what it has', async () => {
    const store = await openReplyStore(folder);
    await store.add([told('a')]);
    await store.close();
    const blocked = join(folder, 'file');
    await writeFile(blocked, '');
    const other = await openReplyStore(join(folder, 'later'));
    await writeFile(join(folder, 'later'), 'in its place');
    await expect(other.add([told('b')])).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    await rm(join(folder, 'later'));
    await other.add([told('c')]);
    expect(other.find([digest('b'), digest('c')])).toEqual([undefined, told('c').reply]);
    await other.close();
    expect((await openReplyStore(folder)).find([digest('a')])).toEqual([told('a').reply]);
  });
});

describe('a full disk', () => {
  it('is reported, and what was stored before and after stays', async () => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      process.stdout.write('skipped: a small disk to fill can only be mounted by root\n');
      return;
    }
    try {
      const store = await openReplyStore(folder);
      const ballast = join(folder, 'ballast');
      await store.add([told('before')]);
      await writeFile(ballast, Buffer.alloc(56 * 1024));
      const many = Array.from({ length: 2000 }, (_, i) => told(`text ${i}`));
      await expect(store.add(many)).rejects.toMatchObject({ code: 'DISK_FULL' });
      await rm(ballast);
      await store.add([told('after')]);
      await store.close();
      const again = await openReplyStore(folder);
      expect(again.find([digest('before'), digest('after')])).toEqual([
        told('before').reply,
        told('after').reply,
      ]);
      await again.close();
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
});

describe('the index of places', () => {
  it('is a map', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(400), fc.nat({ max: Number.MAX_SAFE_INTEGER - 1 })), { maxLength: 3000 }),
        (entries) => {
          const [index, map] = [openPlaceIndex(), new Map<string, number>()];
          for (const [key, place] of entries) {
            const of = digest(String(key));
            index.add(of, place);
            if (!map.has(of)) map.set(of, place);
          }
          for (let key = 0; key <= 401; key++)
            expect(index.get(digest(String(key)))).toBe(map.get(digest(String(key))));
        },
      ),
      { numRuns: 20 },
    );
  });
});
