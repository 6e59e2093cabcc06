// Files of pairs in every format, and what of their rows is kept.

import { describe, expect, it } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { parseMessages } from '../../pairs/pair.ts';
import { openPairs, streamNumbers } from '../../pairs/set.ts';
import { compress } from '../data/compression/zstd.ts';
import { withFolder } from '../data/collect.ts';
import { check, jsonl, makeSet } from './make-set.ts';

const turn = (role: string, content: string): object => ({ role, content });

describe('files of pairs', () => {
  const rows = [
    {
      id: 'a',
      prompt: [turn('system', 'Be brief.'), turn('user', 'Größe?')],
      chosen: [turn('assistant', 'Zwei Meter')],
      rejected: [turn('assistant', 'Blau')],
      score_chosen: 4.5,
    },
    {
      id: 'b',
      prompt: [turn('user', 'Hi "there"')],
      chosen: [turn('assistant', 'Hello\n')],
      rejected: [turn('assistant', 'No, \\')],
      score_chosen: 3,
    },
  ];

  it('are read alike in every format', async () => {
    await withFolder(async (folder) => {
      const list = join(folder, 'rows.jsonl');
      await writeFile(list, jsonl(rows));
      const parquet = join(folder, 'rows.parquet');
      await withDuckDb({}, async (connection) => {
        await connection.run(
          `COPY (SELECT * FROM read_json(${sqlString(list)})) TO ${sqlString(parquet)} (FORMAT parquet)`,
        );
      });
      const csv = [
        'id,prompt,chosen,rejected,score_chosen',
        ...rows.map((row) =>
          Object.values(row)
            .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
            .map((cell) => `"${cell.replaceAll('"', '""')}"`)
            .join(','),
        ),
      ].join('\n');
      const files = {
        'rows.jsonl': jsonl(rows),
        'rows.jsonl.gz': gzipSync(jsonl(rows)),
        'rows.jsonl.zst': compress(Buffer.from(jsonl(rows))),
        'rows.json': JSON.stringify(rows),
        'rows.csv': csv,
        'rows.parquet': await readFile(parquet),
      };
      for (const [name, content] of Object.entries(files)) {
        const { pairs } = await check(await makeSet(folder, { [name]: content }));
        expect(
          pairs.map(({ id, file, line, prompt, chosen, rejected, scoreChosen }) => ({
            id,
            place: [file, line],
            prompt: parseMessages(prompt),
            chosen: parseMessages(chosen),
            rejected: parseMessages(rejected),
            score_chosen: scoreChosen,
          })),
        ).toEqual(rows.map((row, at) => ({ ...row, place: [name, at + 1] })));
      }
    });
  });

  it('keep labels and own ids; a repeated id gives way to the place of its row', async () => {
    await withFolder(async (folder) => {
      const run = await makeSet(
        folder,
        {
          'a.jsonl': jsonl([
            {
              prompt_id: 'x',
              prompt: 'p',
              chosen: 'a',
              rejected: 'b',
              dataset: 'web',
              lang: 'de',
              task: 'qa',
            },
            { prompt_id: 'x', prompt: 'p', chosen: 'a', rejected: 'c' },
            { prompt: 'P!', generations: ['1', '2', '3'], ratings: [1, 2, 3] },
          ]),
          'b.jsonl': '\n{"id": 7, "prompt": "q", "chosen": "a", "rejected": "b", "tools": "[]"}\n',
        },
        { settings: { combine: 'neighbors' } },
      );
      const { pairs } = await check(run);
      expect(pairs.map(({ pair, id, file, line }) => [pair, id, file, line])).toEqual([
        [0, 'x', 'a.jsonl', 1],
        [1, 'a.jsonl:2', 'a.jsonl', 2],
        [2, 'a.jsonl:3#1', 'a.jsonl', 3],
        [3, 'a.jsonl:3#2', 'a.jsonl', 3],
        [4, '7', 'b.jsonl', 2],
      ]);
      expect(pairs[0]).toMatchObject({ source: 'web', language: 'de', category: 'qa', tools: null });
      expect(pairs[4]).toMatchObject({ source: null, language: null, category: null });
      // Prompts that differ in case and punctuation count as one.
      expect(pairs[0]?.promptHash).toBe(pairs[2]?.promptHash);
      expect(pairs[0]?.promptHash).not.toBe(pairs[4]?.promptHash);
    });
  });

  it('keep columns of log probabilities, which some rows may lack', async () => {
    await withFolder(async (folder) => {
      const row = '"prompt": "p", "chosen": "a", "rejected": "b"';
      const run = await makeSet(
        folder,
        {
          'a.jsonl':
            `{${row}, "m1_c10_chosen": -1.5, "m1_c10_rejected": NaN, "ref_chosen_logps": -2, "ref_rejected_logps": -3}\n` +
            `{${row}, "m2_c10_chosen": "x", "m1_c10_chosen": "-4", "m1_c10_rejected": null, "unrelated": 5}\n`,
        },
        {
          settings: {
            logProbabilities: {
              chosen: 'm{model}_c{checkpoint}_chosen',
              rejected: 'm{model}_c{checkpoint}_rejected',
            },
          },
        },
      );
      const { card } = await check(run);
      expect(card.logProbabilities).toEqual([
        'm1_c10_chosen',
        'm1_c10_rejected',
        'm2_c10_chosen',
        'ref_chosen_logps',
        'ref_rejected_logps',
      ]);
      const read = [];
      for await (const rows of streamNumbers(await openPairs(run, 'one'), card.logProbabilities))
        read.push(...rows);
      expect(read).toEqual([
        [-1.5, NaN, null, -2, -3],
        [-4, null, NaN, null, null],
      ]);
    });
  });
});
