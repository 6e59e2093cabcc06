// `betr audit export` and `betr audit import`: an audit as a table that a person fills in.

import type { Command } from 'commander';
import { findAudit } from '../../../evaluation/audit/audit.ts';
import { readDecisions } from '../../../evaluation/audit/decisions.ts';
import { saveAnswers } from '../../../evaluation/audit/save-answers.ts';
import { nameOf } from '../../../evaluation/audit/person.ts';
import { queueOf } from '../../../evaluation/audit/queue.ts';
import { checkKnown, readTable, writeTable } from '../../../evaluation/audit/table.ts';
import { TextThread } from '../../../ranking/why/text-thread.ts';
import { formatCountOf, parseWhole } from '../../../run/amounts.ts';
import { fail } from '../../../run/errors/errors.ts';
import { openRun } from '../../../run/run.ts';
import { printResult } from '../../output.ts';
import { type AuditOptions, auditOf, openAudit } from './options.ts';

interface TableOptions extends AuditOptions {
  person: string;
}

export function exportCommand(): Command {
  return auditOf('export', 'write the documents that a person still has to judge as a CSV table')
    .argument('<file>', 'CSV file to write; it must not exist')
    .requiredOption('--person <name>', 'who will answer')
    .option('--count <number>', 'documents to write (default: all that are left)')
    .action(async (file: string, options: TableOptions & { count?: string }) => {
      const count = options.count === undefined ? undefined : parseWhole('--count', options.count, 1, 10_000);
      const { run, audit } = await openAudit(options);
      const person = nameOf(options.person);
      const { open } = queueOf(audit, await readDecisions(run, audit), person);
      if (open.length === 0) throw fail('AUDIT_DONE', { audit: audit.id, person });
      const texts = new TextThread(run);
      try {
        const result = await writeTable(texts, audit, open.slice(0, count), file);
        printResult(
          options.json,
          { audit: audit.id, person, file, ...result },
          [
            `${formatCountOf(result.written, 'document')} for ${person} in ${file}. Fill in the answers ` +
              `(yes, no or ?), then run: betr audit import ${file} --person "${person}"`,
            ...(result.unreadable === 0
              ? []
              : [`Left out, because ${result.unreadable} texts cannot be read: ${result.reason ?? ''}`]),
          ].join('\n'),
        );
      } finally {
        await texts.close();
      }
    });
}

export function importCommand(): Command {
  return auditOf('import', 'save the answers of a table that a person filled in: all of them, or none')
    .argument('<file>', 'CSV file from betr audit export')
    .requiredOption('--person <name>', 'who answered')
    .action(async (file: string, options: TableOptions) => {
      const run = await openRun(options.config);
      const table = await readTable(file);
      const audit = await findAudit(run, {
        audit: options.audit ?? table.audit,
        scorer: options.scorer,
      });
      if (table.audit !== undefined && table.audit !== audit.id)
        throw fail('AUDIT_TABLE_INVALID', {
          path: file,
          problems: [`it is of audit "${table.audit}", not ${audit.id}`],
        });
      checkKnown(audit, table, file);
      const saved = await saveAnswers(run, audit, options.person, table.answers);
      const person = nameOf(options.person);
      const { open } = queueOf(audit, await readDecisions(run, audit), person);
      printResult(
        options.json,
        { audit: audit.id, person, answers: table.answers.length, saved, left: open.length },
        `${formatCountOf(saved, 'new answer')} by ${person} saved in audit ${audit.id}` +
          `${saved === table.answers.length ? '' : `, ${table.answers.length - saved} were known already`}; ` +
          `${formatCountOf(open.length, 'document')} left.`,
      );
    });
}
