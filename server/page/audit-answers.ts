// The parts of the server's answers that the page of an audit reads, as in answers.ts.

/** What a person is to judge next. */
interface AuditWork {
  next: readonly string[];
  left: number;
  forOthers: number;
}

export type AuditAnswer = 'yes' | 'no' | 'cannot tell';

/** GET /audit/state */
export interface AuditState extends AuditWork {
  audit: { id: string; question: string };
  superseded: boolean;
  /** The name as the server keeps it. */
  person: string;
  answered: readonly { id: string; answer: AuditAnswer; note: string }[];
}

/** GET /audit/documents/ID */
export interface AuditDocument {
  text: string | null;
  truncated: boolean;
  problem: { detail: string } | null;
  about: { score: number; slice: number; slices: number; source: string; document: string } | null;
}

/** POST /audit/answers */
export type AuditSaved = AuditWork;
