// Errors of audits.

export const auditErrors = {
  AUDIT_MISSING: {
    status: 404,
    exit: 2,
    say: (v: { got: string }) =>
      v.got === ''
        ? 'There is no audit yet. Draw documents for one with "betr audit draw".'
        : `There is no audit "${v.got}". Draw one with "betr audit draw", or name another with --audit or --scorer.`,
  },
  AUDIT_DOCUMENT_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { got: string; audit: string }) =>
      `Audit ${v.audit} has no document "${v.got}". Documents are named as the audit lists them; another ` +
      'audit may have been drawn in the meantime.',
  },
  AUDIT_DONE: {
    status: 409,
    exit: 1,
    say: (v: { audit: string; person: string }) =>
      `No document of audit ${v.audit} is left for ${v.person}. "betr audit result" shows the result.`,
  },
  AUDIT_TABLE_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problems: readonly string[] }) =>
      `${v.path} was not imported, not even in part: ${[...v.problems].join('; ')}. Correct this and import it again.`,
  },
  AUDIT_TABLE_EXISTS: {
    status: 409,
    exit: 2,
    say: (v: { path: string }) =>
      `${v.path} exists already, perhaps with answers in it, and was not changed. Choose another name.`,
  },
} as const;
