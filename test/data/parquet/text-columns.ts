// A Parquet file of text columns, for tests: 40 rows, in pages of 25 and 15.

import { join } from 'node:path';
import { withFolder } from '../collect.ts';
import { pageOf, writeParquet, type WrittenColumn } from './write.ts';

export const rows = 40;
export const named = (name: string): string[] => Array.from({ length: rows }, (_, i) => `${name} ${i}`);

export const column = (
  path: WrittenColumn['path'],
  values: readonly (string | Buffer)[] = named(path.join('.')),
): WrittenColumn => ({ path, pages: [pageOf(values.slice(0, 25)), pageOf(values.slice(25))] });

export const withColumns = async <T>(
  columns: WrittenColumn[],
  use: (path: string) => Promise<T>,
): Promise<T> =>
  withFolder(async (folder) => {
    const path = join(folder, 'a.parquet');
    await writeParquet(path, rows, columns);
    return use(path);
  });
