// Options that the commands of an audit share.

import type { Command } from 'commander';
import type { Audit } from '../../../evaluation/audit/audit.ts';
import { findAudit } from '../../../evaluation/audit/audit.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { command, type CommonOptions } from '../../options.ts';

export interface AuditOptions extends CommonOptions {
  audit?: string;
  scorer?: string;
}

/** A command about an audit that has been drawn. */
export function auditOf(name: string, description: string): Command {
  return command(name, description)
    .option('--scorer <name>', "the newest audit of this scorer's ranking (default: the newest of all)")
    .option('--audit <id>', 'the audit with this id');
}

/** Errors: AUDIT_MISSING, those of `openRun`. */
export async function openAudit({
  config,
  audit: id,
  scorer,
}: AuditOptions): Promise<{ run: Run; audit: Audit }> {
  const run = await openRun(config);
  return { run, audit: await findAudit(run, { audit: id, scorer }) };
}
