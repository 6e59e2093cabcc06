// The audit of a test file: one project, and its audits removed before each test.

import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Audit, auditSchema } from '../../../evaluation/audit/audit.ts';
import { betr } from '../../cli/betr.ts';
import type { Ended } from '../../cli/project.ts';
import { type AuditProject, makeAuditProject } from './project.ts';

/** Makes a project for all tests of a file. */
export function shareAuditProject() {
  let made: AuditProject;
  beforeAll(async () => {
    made = await makeAuditProject();
  });
  afterAll(() => made.close());
  beforeEach(() => rm(made.run.files.audits, { recursive: true, force: true }));

  const audit = (...args: string[]): Promise<Ended> => betr(made.folder, ['audit', ...args]);

  /** Draws 90 documents by their length. */
  async function draw(...args: string[]): Promise<Audit> {
    const { stdout, stderr } = await audit('draw', '--scorer', 'length', '--count', '90', '--json', ...args);
    expect(stderr).toBe('');
    return auditSchema.parse(JSON.parse(stdout));
  }

  return {
    get made() {
      return made;
    },
    audit,
    draw,
    /** The path of a file beside the settings. */
    file: (name: string): string => join(made.folder, name),
  };
}
