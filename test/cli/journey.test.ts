import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { loadCommands } from '../docs/reference.ts';
import { selectionManifestSchema } from '../../ranking/selection/manifest.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { until } from '../until.ts';
import { betr } from './betr.ts';
import { leafCommands } from './leaf-commands.ts';
import { betrPath, betrProcess, errorOf, jsonl, makeDocuments, makeProject, run } from './project.ts';
import { answerSchema } from '../../ranking/budget/question.ts';

// Processes start slowly on a busy machine.
jest.setTimeout(300_000);

let root: string;
let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-journey-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});

async function listCommands(): Promise<string[]> {
  const { stdout } = await betr(root, ['--help']);
  return [...stdout.matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => name !== 'help');
}

describe('betr', () => {
  it('explains every command, its options and the exit codes', async () => {
    const commands = await listCommands();
    expect(commands).toEqual(
      expect.arrayContaining(['init', 'index', 'train', 'rank', 'cutoff', 'select', 'run', 'status']),
    );
    for (const command of await loadCommands()) {
      expect(commands).toContain(command.name());
      for (const one of leafCommands(command)) {
        expect(one.helpInformation()).toMatch(new RegExp(`^Usage: .*${one.name()} \\[options\\]`));
        for (const option of ['--config <file>', '--json', '--help'])
          expect(one.helpInformation()).toContain(option);
      }
    }
    const { code, stdout, stderr } = await betrProcess(root, ['rank', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Usage: betr rank [options]');
    expect((await betr(root, ['--help'])).stdout).toMatch(
      /Exit codes: 0 success · 1 [^]* · 2 [^]*3 [^]*70 [^]*130 /,
    );
    expect((await betr(root, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [[], 2, 'USAGE'],
    [['indx'], 2, 'USAGE'],
    [['cutoff', '--bugdet', '1e21'], 2, 'USAGE'],
    [['cutoff'], 2, 'USAGE'],
    [['cutoff', 'extra', '--budget', '1e21'], 2, 'USAGE'],
    [['select', '--budget', '1e21'], 2, 'USAGE'],
    ...['0', '-1', 'NaN', '1e400', ''].map(
      (budget) => [['cutoff', '--budget', budget], 2, 'BUDGET_INVALID'] as const,
    ),
    ...['0', '101%'].map((keep) => [['cutoff', '--keep', keep], 2, 'OPTION_INVALID'] as const),
    [['cutoff', '--budget', '1e21', '--pool-tokens', '-5'], 2, 'OPTION_INVALID'],
    [['cutoff', '--budget', '1e21', '--max-epochs', '0'], 2, 'OPTION_INVALID'],
    [['cutoff', '--budget', '1e21'], 2, 'SETTINGS_NOT_FOUND'],
    [['run', '--config', 'none.yaml'], 2, 'SETTINGS_NOT_FOUND'],
  ] as const)('%j is refused with %i and %s, in words and as JSON', async (args, exit, error) => {
    const { code, stdout, stderr } = await betr(root, [...args, '--json']);
    expect(code).toBe(exit);
    // Without a command there is no --json either: the help comes.
    if (args.length > 0)
      expect(errorOf(stdout)).toMatchObject({ code: error, message: expect.stringMatching(/\w/) });
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stderr.length).toBeGreaterThan(10);
  });

  it('goes from nothing to a selection, telling on the way what it does and what is next', async () => {
    const folder = join(root, 'journey');
    await makeProject(folder, bag.url);
    await rm(join(folder, 'betr.yaml'));

    const init = await betr(folder, ['init']);
    expect(init).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('betr run') });
    expect(errorOf((await betr(folder, ['init', '--json'])).stdout)).toMatchObject({
      code: 'SETTINGS_EXIST',
    });
    // What is written is valid as it is, and is for editing.
    expect((await betr(folder, ['status', '--json'])).code).toBe(0);
    expect(errorOf((await betr(folder, ['run', '--json'])).stdout)).toMatchObject({ code: 'NO_FILES' });
    const written = await readFile(join(folder, 'betr.yaml'), 'utf8');
    const edited = written
      .replace(
        '- name: my_benchmark\n    files: [benchmarks/my_benchmark/*.jsonl]',
        '- name: cooking\n    files: [cooking.jsonl]\n  - name: astronomy\n    files: [astronomy.jsonl]',
      )
      .replace(/# embedding: .*/, `embedding: {model: "${bag.url}", endpointModel: bag}`)
      .replace(/# search: .*/, 'search: {nearest: 100}');
    await writeFile(join(folder, 'betr.yaml'), edited);

    expect((await betr(folder, ['status'])).stdout).toMatch(
      /Index +none yet: betr index\nClassifier +none yet: betr train\nRanking +none yet: betr rank/,
    );
    for (const [command, next] of [
      ['train', 'betr index'],
      ['rank', 'betr train'],
      ['cutoff --budget 1e21', 'betr run'],
      ['select --keep 0.1 --out x', 'betr run'],
    ] as const) {
      expect(await betr(folder, command.split(' '))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`Run "${next}" first. \\[STEP_MISSING\\]`)),
      });
    }

    const first = await betrProcess(folder, ['run']);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(
      new RegExp(
        String.raw`Read 1,200 documents .* in 3 shards[^]*cooking +10 [^]*Trained on 960 documents` +
          String.raw`[^]*joint [^]*Ranked 1,200 documents, [\d,]+ tokens \(estimated\)`,
      ),
    );
    // Piped progress is plain lines, one a stage.
    for (const stage of [
      'index: read the corpus',
      'index: embed the documents',
      'train: read the sample',
      'score',
    ])
      expect(first.stderr).toMatch(new RegExp(`^${stage}.*: .*$`, 'm'));
    expect(first.stderr).not.toMatch(/[\u001b\r]|at .*\.js/);
    const asked = bag.texts.length;
    const before = await stateOf(join(folder, 'run'));
    const again = await betr(folder, ['run']);
    expect(again.stdout).toMatch(/^The index is up to date:[^]*, unchanged\nNothing new to score/m);
    expect(await stateOf(join(folder, 'run'))).toEqual(before);
    expect(bag.texts.length).toBe(asked);

    const status = await betr(folder, ['status']);
    expect(status).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /1,200 documents, [\d,]+ tokens \(estimated\), 0 rows quarantined\nTo score +nothing/,
      ),
    });

    const answer = answerSchema.parse(
      JSON.parse(
        (await betr(folder, ['cutoff', '--budget', '1e21', '--pool-tokens', '1e12', '--json'])).stdout,
      ),
    );
    // Method, section 5: 7.1% for 1e21, but a tenth of a percent more by the floor of a pool of 1e12 tokens
    // is not needed.
    expect(answer.keep).toMatchObject({ rate: expect.closeTo(0.0711, 4), setBy: 'law' });
    expect(answer.flags).toContain('tokens-estimated');
    expect(answer.cutoff.tokens).toBeLessThanOrEqual(answer.keep.rate * answer.cutoff.ofTokens);
    expect(answer.cutoff.ofDocuments).toBe(1200);
    const inWords = (await betr(folder, ['cutoff', '--budget', '1e21', '--pool-tokens', '1e12'])).stdout;
    expect(inWords).toContain(answer.summary);
    expect(inWords).toMatch(/tokens \(estimated\)\n/);

    const select = await betr(folder, ['select', '--keep', '0.25', '--out', 'chosen', '--json']);
    const manifest = selectionManifestSchema.parse(JSON.parse(select.stdout));
    expect(manifest).toEqual(JSON.parse(await readFile(join(folder, 'chosen', 'manifest.json'), 'utf8')));
    const rows = await withDuckDb(
      {},
      async (connection) =>
        (
          await connection.runAndReadAll(
            'SELECT count(*)::INT, count(DISTINCT document)::INT ' +
              `FROM ${parquetSource(join(folder, 'chosen', 'selection.parquet'))}`,
          )
        ).getRows()[0],
    );
    expect(rows).toEqual([manifest.documents, manifest.documents]);
    expect(manifest.tokens).toBeLessThanOrEqual(0.25 * manifest.answer.cutoff.ofTokens);
    const bytes = await readFile(join(folder, 'chosen', 'selection.parquet'));
    expect((await betr(folder, ['select', '--keep', '25%', '--out', 'chosen'])).stdout).toMatch(
      new RegExp(`Wrote ${manifest.documents} documents to`),
    );
    expect((await readFile(join(folder, 'chosen', 'selection.parquet'))).equals(bytes)).toBe(true);

    await writeFile(join(folder, 'corpus', 'd.jsonl'), jsonl(makeDocuments(100, 5000)));
    expect((await betr(folder, ['status'])).stdout).toMatch(/To score +1 shard: betr rank/);
    expect((await betr(folder, ['rank'])).stdout).toMatch(
      /Ranked 1,300 documents.*\nScored 1 shard, .*; 3 reused/,
    );

    await rm(join(folder, 'corpus', 'd.jsonl'));
    await writeFile(join(folder, 'corpus', 'c.jsonl'), jsonl(makeDocuments(50, 6000)));
    // With the one that changed, the others of its pack.
    expect((await betr(folder, ['status'])).stdout).toMatch(
      /To score +3 shards: betr rank\nChanged +since ranking: corpus\/c.jsonl\nGone +since ranking: corpus\/d.jsonl/,
    );
    expect((await betr(folder, ['work'])).stdout).toMatch(
      /^Scored 2 chunks, 950 documents, .*; no chunks left. To publish: betr rank --publish-only/,
    );
    expect((await betr(folder, ['status'])).stdout).toMatch(/To score +nothing; to publish: betr rank\n/);
    const { stdout } = await betr(folder, ['rank']);
    expect(stdout).toContain(
      'Note: 1 shard changed since the last generation and was scored again: corpus/c.jsonl\nNote: 1 ' +
        'shard of the last generation no longer exists and is left out: corpus/d.jsonl',
    );
    expect((await betr(folder, ['status'])).stdout).toMatch(/To score +nothing\n?$/);

    const path = join(folder, 'betr.yaml');
    const settings = await readFile(path, 'utf8');
    for (const [more, sentence] of [
      ['classifier: {seed: 7}', 'the classifier was trained with different settings: betr train'],
      [
        'search: {nearest: 7}',
        'the index and the classifier were made with different settings or files (search): betr run',
      ],
    ] as const) {
      await writeFile(
        path,
        `${settings.replace(new RegExp(`^${more.split(':')[0]}:.*$`, 'm'), '')}\n${more}\n`,
      );
      expect((await betr(folder, ['status'])).stdout).toContain(`Outdated    ${sentence}\n`);
      expect((await betr(folder, ['rank'])).stdout).toContain(`Note: ${sentence}\n`);
    }
    await writeFile(path, settings);
  });

  it('works from any folder with --config, and relative paths start at the settings file', async () => {
    const folder = join(root, 'elsewhere');
    await cp(join(root, 'journey'), folder, { recursive: true });
    await rm(join(folder, 'run'), { recursive: true });
    expect(await betr(root, ['index', '--config', 'elsewhere/betr.yaml'])).toMatchObject({ code: 0 });
    expect(await readdir(join(folder, 'run'))).toContain('index.json');
  });

  it('tells a second one that the run is taken, and ends on Ctrl-C with 130 and no harm done', async () => {
    const folder = join(root, 'locked');
    await makeProject(folder, bag.url);
    bag.delayMs = 60_000;
    let stop: () => void = () => undefined;
    const first = betrProcess(
      folder,
      ['index'],
      {},
      { after: new Promise<void>((resolve) => (stop = resolve)), signal: 'SIGINT' },
    );
    await until(() => bag.waiting > 0);
    const second = await betrProcess(folder, ['train', '--json']);
    expect(second.code).toBe(3);
    expect(errorOf(second.stdout)).toMatchObject({
      code: 'RUN_LOCKED',
      message: expect.stringContaining(join(folder, 'run')),
    });
    stop();
    expect((await first).code).toBe(130);
    bag.delayMs = 0;
    expect(await betr(folder, ['index'])).toMatchObject({ code: 0 });
  });

  it('says nothing when whoever reads its output goes away', async () => {
    // Of a locale that is not installed, bash warns on standard error.
    const { code, stderr } = await run(
      'bash',
      ['-c', `set -o pipefail; "${process.execPath}" "${betrPath}" status --json | true`],
      join(root, 'journey'),
      { LC_ALL: 'C' },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

/** Times of change of all files of a folder. */
async function stateOf(folder: string): Promise<Record<string, number>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return z
    .record(z.string(), z.number())
    .parse(
      Object.fromEntries(await Promise.all(paths.map(async (path) => [path, (await stat(path)).mtimeMs]))),
    );
}
