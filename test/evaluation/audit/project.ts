// A small corpus, ranked by length, which needs neither benchmarks nor an index.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun, type Run } from '../../../run/run.ts';
import { betr } from '../../cli/betr.ts';

export interface AuditProject {
  folder: string;
  run: Run;
  /** By the documents' names. */
  texts: ReadonlyMap<string, string>;
  close: () => Promise<void>;
}

/** Text that would do harm as HTML, or as a formula in a spreadsheet. */
export const hostileText =
  '=HYPERLINK("http://evil.example";"x")<script>document.title="hacked"</script>' +
  '<img src="x" onerror="document.title=\'hacked\'">\n"quoted", and a second line\r\n\tñ 🙂';

/** Makes and ranks 90 documents. */
export async function makeAuditProject(): Promise<AuditProject> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-audit-'));
  await mkdir(join(folder, 'corpus'));
  const texts = new Map<string, string>();
  for (let shard = 0; shard < 3; shard++) {
    const rows = Array.from({ length: 30 }, (_, row) => {
      const id = `d${shard}-${row}`;
      const text = row === 4 ? hostileText : `Text ${id}: ${'word '.repeat(1 + 7 * row + shard)}`;
      texts.set(id, text);
      return JSON.stringify({ id, source: row % 2 === 0 ? 'web' : 'books', text });
    });
    await writeFile(join(folder, 'corpus', `s${shard}.jsonl`), `${rows.join('\n')}\n`);
  }
  await writeFile(
    join(folder, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['corpus/*'] },
      benchmarks: [{ name: 'sums', files: ['sums.jsonl'] }],
      workers: 1,
    }),
  );
  const ranked = await betr(folder, ['rank', '--scorer', 'length']);
  if (ranked.code !== 0) throw new Error(ranked.stderr);
  return {
    folder,
    run: await openRun(join(folder, 'betr.yaml')),
    texts,
    close: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
