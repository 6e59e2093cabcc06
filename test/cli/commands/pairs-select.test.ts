import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ten, withSmallSet } from '../../pairs/small-set.ts';
import { betr } from '../betr.ts';

describe('betr pairs select', () => {
  it('shows what each group loses before it writes, or instead', async () => {
    await withSmallSet(ten, async (_run, folder) => {
      const dry = await betr(folder, ['pairs', 'select', 'feedback', '--keep', '60%', '--dry-run']);
      expect(dry).toMatchObject({ code: 0, stderr: '' });
      expect(dry.stdout).toMatch(
        /^Keep the easiest 60% of the 9 pairs with a known difficulty: 5 pairs, up to a difficulty of 0\.6931/,
      );
      expect(dry.stdout).toContain(
        'category  known  kept  lost\nchat          7     5   29%\nmath          2     0  100%',
      );
      expect(dry.stdout).toContain('Without a known difficulty: 1 (no model judged it).');
      const [, threshold = ''] = /--max-loss (\S+)\)/.exec(dry.stdout) ?? [];
      const same = await betr(folder, [
        'pairs',
        'select',
        'feedback',
        '--max-loss',
        threshold,
        '--out',
        'out',
      ]);
      expect(same).toMatchObject({ code: 0 });
      expect(same.stdout).toMatch(
        /math .* 100%.*Wrote 5 pairs as trl to .*out \(train\.jsonl, kept\.parquet, train_dpo\.py, train_dpo\.yaml, manifest\.json\)/s,
      );
      const written = await readFile(join(folder, 'out', 'train.jsonl'), 'utf8');
      expect([...written.matchAll(/\"id\":\"(\w+)\"/g)].map(([, id]) => id)).toEqual([
        'p1',
        'p3',
        'p2',
        'p5',
        'p6',
      ]);
      await writeFile(
        join(folder, 'runs.csv'),
        'run,keep,win_rate,n\na,.2,.1,800\na,.5,.3,800\na,.9,.2,800\n',
      );
      const fitted = await betr(folder, [
        'pairs',
        'select',
        'feedback',
        '--fit',
        'runs.csv',
        '--dry-run',
        '--json',
      ]);
      expect(JSON.parse(fitted.stdout)).toMatchObject({ from: 'runs', capacity: { runs: [{ run: 'a' }] } });
    });
  });

  it('refuses options that it cannot use', async () => {
    const refused: [string[], string, string][] = [
      [['--keep', '60%'], 'USAGE', '--out'],
      [['--keep', '60%', '--out', 's3://bucket/pairs'], 'USAGE', 'local folders'],
      [['--max-loss', '-1', '--dry-run'], 'OPTION_INVALID', '--max-loss'],
      [['--max-loss', '0.7', '--dry-run'], 'PAIRS_THRESHOLD', '--max-loss 0.7@'],
      [['--fit', 'nowhere.csv', '--dry-run'], 'FILE_NOT_FOUND', 'nowhere.csv'],
      [['--fit', 'betr.yaml', '--dry-run'], 'PAIRS_RUNS', 'is not a table of runs'],
    ];
    await withSmallSet(ten, async (_run, folder) => {
      for (const [args, code, text] of refused) {
        const { stderr } = await betr(folder, ['pairs', 'select', 'feedback', ...args]);
        expect(stderr).toContain(`[${code}]`);
        expect(stderr).toContain(text);
      }
    });
  });
});
