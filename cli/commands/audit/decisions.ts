// `betr audit decisions`: every answer that was ever given, with who, when, and which ranking.

import { type Command, Option } from 'commander';
import type { Audit } from '../../../evaluation/audit/audit.ts';
import { type Decisions, readDecisions } from '../../../evaluation/audit/decisions.ts';
import { commitBytes } from '../../../data/files/commit.ts';
import { csvLine } from '../../../data/rows/write-csv.ts';
import { formatCountOf } from '../../../run/amounts.ts';
import { printResult } from '../../output.ts';
import { type AuditOptions, auditOf, openAudit } from './options.ts';

interface DecisionsOptions extends AuditOptions {
  format: 'csv' | 'jsonl';
  out?: string;
}

const columns = [
  'at',
  'person',
  'answer',
  'note',
  'scoreShown',
  'last',
  'audit',
  'scorer',
  'generation',
  'id',
  'document',
  'shard',
  'row',
  'source',
  'score',
  'slice',
] as const;

type Row = Record<(typeof columns)[number], string | number | boolean>;

export function decisionsCommand(): Command {
  return auditOf(
    'decisions',
    'export every answer that was ever given, replaced ones too: who, when, which ranking and document',
  )
    .addOption(
      new Option('--format <format>', 'format of the export').choices(['csv', 'jsonl']).default('csv'),
    )
    .option('--out <file>', 'file to write (default: standard output)')
    .action(async (options: DecisionsOptions) => {
      const { run, audit } = await openAudit(options);
      const rows = listRows(audit, await readDecisions(run, audit));
      const text =
        options.format === 'csv'
          ? [csvLine(columns), ...rows.map((row) => csvLine(columns.map((name) => row[name])))].join('')
          : rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      if (options.out !== undefined) {
        await commitBytes(options.out, text);
        printResult(
          options.json,
          { audit: audit.id, decisions: rows.length, file: options.out },
          `${formatCountOf(rows.length, 'answer')} in ${options.out}`,
        );
      } else if (options.json) printResult(true, { audit: audit.id, decisions: rows }, '');
      else process.stdout.write(text);
    });
}

function listRows({ id: audit, scorer, drawn }: Audit, { all, last }: Decisions): Row[] {
  const byId = new Map(drawn.map((document) => [document.id, document]));
  const lasting = new Set(last);
  return all.flatMap((decision) => {
    const own = byId.get(decision.id);
    if (own === undefined) return [];
    const { document, shard, row, source, score, slice } = own;
    return {
      ...decision,
      last: lasting.has(decision),
      audit,
      scorer,
      document,
      shard,
      row,
      source,
      score,
      // Counted from 1, the best.
      slice: slice + 1,
    };
  });
}
