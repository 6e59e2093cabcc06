// Copied rows as pyarrow reads them, in every type that it writes. `npm run test:pyarrow` installs it for
// this project.

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { noEdits } from '../../../data/parquet/copy-column.ts';
import { copyRows } from '../../../data/parquet/copy-rows.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { withFolder } from '../collect.ts';

const project = fileURLToPath(new URL('../../../../', import.meta.url));
const script = join(project, 'test/data/parquet/parquet_types.py');

const python = [join(project, '.cache/pyarrow/bin/python'), 'python3'].find((path) => {
  try {
    execFileSync(path, ['-c', 'import pyarrow; assert int(pyarrow.__version__.split(".")[0]) >= 21'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
});
if (python === undefined)
  process.stderr.write(
    'There is no pyarrow here: copies of Parquet rows are checked by hyparquet and DuckDB alone (npm ' +
      'run test:pyarrow installs it).\n',
  );

(python === undefined ? describe.skip : describe)('rows of a Parquet file that are copied', () => {
  const run = (command: string, folder: string): string =>
    execFileSync(python ?? '', [script, command, folder], { encoding: 'utf8' });

  it('are to pyarrow what they were, whatever their types and however they are encoded', async () => {
    await withFolder(async (folder) => {
      run('make', folder);
      const files = (await readdir(folder)).filter((name) => name.endsWith('.parquet'));
      expect(files.length).toBe(13);
      await mkdir(join(folder, 'copies'));
      const rows: Record<string, number[]> = {};
      for (const [i, file] of files.entries()) {
        const footer = await readFooter(join(folder, file));
        // Some of all groups, all, and some of the first and the last one.
        const own = Array.from({ length: footer.rows }, (_, row) => row).filter((row) =>
          i % 3 === 0 ? (row * 7919) % 10 < 3 : i % 3 === 1 || row < 9 || row > footer.rows - 3,
        );
        rows[file] = own;
        expect(await copyRows(join(folder, file), footer, own, join(folder, 'copies', file))).toBe(
          own.length,
        );
      }
      // With one more column, every file is still one that pyarrow reads.
      for (const file of files) {
        const footer = await readFooter(join(folder, file));
        const added = { name: 'repeat', values: new Map([[1, 3]]) };
        await copyRows(join(folder, file), footer, [0, 1], join(folder, 'more'), { ...noEdits, added });
        const read =
          'import pyarrow.parquet as pq; ' +
          `print(pq.read_table(${JSON.stringify(join(folder, 'more'))}).column(-1).to_pylist())`;
        expect([file, execFileSync(python ?? '', ['-c', read], { encoding: 'utf8' })]).toEqual([
          file,
          '[0, 3]\n',
        ]);
      }
      await writeFile(join(folder, 'rows.json'), JSON.stringify(rows));
      expect(JSON.parse(run('compare', folder))).toEqual([]);
    });
  }, 120_000);
});
