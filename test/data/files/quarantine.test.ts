import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openQuarantine } from '../../../data/files/quarantine.ts';
import { withFolder } from '../collect.ts';

describe('openQuarantine', () => {
  it('records each invalid row with file, position, reason, and start, and counts them', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'quarantine', 'rank.jsonl');
      const quarantine = openQuarantine(path);
      quarantine.add('a.jsonl', 7, 'not valid JSON', '{"text": '.padEnd(1000, 'x'));
      quarantine.add('a.jsonl', 9, 'field "text" is missing');
      expect(quarantine.count).toBe(2);
      await quarantine.close();
      expect(await readdir(join(folder, 'quarantine'))).toEqual(['rank.jsonl']);
      const rows = (await readFile(path, 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line));
      expect(rows).toEqual([
        { file: 'a.jsonl', position: 7, reason: 'not valid JSON', detail: '{"text": '.padEnd(200, 'x') },
        { file: 'a.jsonl', position: 9, reason: 'field "text" is missing' },
      ]);
    });
  });

  it('leaves no file if every row is valid, and removes that of an earlier run', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'rank.jsonl');
      await writeFile(path, 'of an earlier run');
      await openQuarantine(path).close();
      expect(await readdir(folder)).toEqual([]);
    });
  });

  it('publishes only complete files', async () => {
    await withFolder(async (folder) => {
      const quarantine = openQuarantine(join(folder, 'rank.jsonl'));
      quarantine.add('a.jsonl', 0, 'not valid JSON');
      expect((await readdir(folder)).filter((name) => !name.startsWith('.'))).toEqual([]);
      await quarantine.close();
      expect(await readdir(folder)).toEqual(['rank.jsonl']);
    });
  });

  it('counts every row of an entirely invalid file, and records a bounded number', async () => {
    await withFolder(async (folder) => {
      const quarantine = openQuarantine(join(folder, 'rank.jsonl'));
      for (let row = 0; row < 100_010; row++) quarantine.add('a.jsonl', row, 'not valid JSON');
      await quarantine.close();
      expect(quarantine.count).toBe(100_010);
      const lines = (await readFile(join(folder, 'rank.jsonl'), 'utf8')).trimEnd().split('\n');
      expect(lines).toHaveLength(100_001);
      expect(lines.at(-1)).toBe('{"rowsNotWritten":10}');
    });
  });

  it('reports a failed write', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '');
      expect(() => openQuarantine(join(folder, 'file', 'rank.jsonl')).add('a.jsonl', 0, 'x')).toThrow(
        expect.objectContaining({ code: 'WRITE_FAILED' }),
      );
    });
  });
});
