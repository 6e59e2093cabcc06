// /audit: the page on which people judge documents, and the requests that it sends.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import { type Audit, findAudit, isSuperseded } from '../../evaluation/audit/audit.ts';
import { answers, noteLength, readDecisions } from '../../evaluation/audit/decisions.ts';
import { saveAnswers } from '../../evaluation/audit/save-answers.ts';
import { longestName, nameOf } from '../../evaluation/audit/person.ts';
import { type Queue, queueOf } from '../../evaluation/audit/queue.ts';
import { readAuditTexts } from '../../evaluation/audit/texts.ts';
import { problemOf } from '../problem.ts';
import { route } from '../route.ts';
import { charactersParameter } from './parameters.ts';
import { sendPageFile } from './page.ts';

const auditParameter = z
  .string()
  .max(100)
  .optional()
  .meta({ description: "The audit's id; default: the newest audit." });
const personParameter = z.string().max(1_000).transform(nameOf).meta({ description: 'Who answers.' });

/** How many of a person's next documents are named at a time: others may judge some of them meanwhile. */
const mostNext = 20;

const workSchema = z.strictObject({
  /** Ids of the documents to judge next. */
  next: z.array(z.string()),
  /** All that are left for this person. */
  left: count,
  /** Documents that this person judged and another person still has to. */
  forOthers: count,
});
type Work = z.output<typeof workSchema>;

export const auditStateSchema = workSchema.extend({
  audit: z.strictObject({
    id: z.string(),
    drawnAt: z.string(),
    scorer: z.string(),
    question: z.string(),
    documents: count,
  }),
  /** Whether the ranking has changed since the documents were drawn. */
  superseded: z.boolean(),
  person: z.string(),
  /** This person's answers, oldest first. */
  answered: z.array(z.strictObject({ id: z.string(), answer: z.enum(answers), note: z.string() })),
});
export type AuditState = z.output<typeof auditStateSchema>;

export const auditDocumentSchema = z.strictObject({
  id: z.string(),
  /** The beginning of the text; null if it cannot be read (see `problem`). */
  text: z.string().nullable(),
  truncated: z.boolean(),
  problem: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
  /** Only with reveal=true. */
  about: z
    .strictObject({
      score: z.number(),
      /** Counted from 1, the best. */
      slice: count,
      slices: count,
      source: z.string(),
      document: z.string(),
    })
    .nullable(),
});
export type AuditDocument = z.output<typeof auditDocumentSchema>;

export const auditSavedSchema = workSchema.extend({
  /** Answers that were not known yet. */
  saved: count,
});
export type AuditSaved = z.output<typeof auditSavedSchema>;

export const auditRoutes = [
  route({
    method: 'get',
    path: '/audit',
    summary: 'Open the page on which people judge documents drawn by "betr audit draw".',
    access: 'open',
    linked: true,
    query: z.record(z.string(), z.string()),
    reply: { description: 'The page.', types: ['text/html'] },
    answer: ({ request, response }) => sendPageFile('audit.html', request, response),
  }),
  route({
    method: 'get',
    path: '/audit/state',
    summary: "Get an audit's question, a person's answers so far, and the documents to judge next.",
    access: 'read',
    query: z.strictObject({ audit: auditParameter, person: personParameter }),
    heavy: true,
    reply: { description: 'The state.', schema: auditStateSchema },
    async answer({ query: { audit: id, person }, state: { run } }) {
      const audit = await findAudit(run, { audit: id });
      const queue = queueOf(audit, await readDecisions(run, audit), person);
      return {
        json: {
          audit: {
            id: audit.id,
            drawnAt: audit.drawnAt,
            scorer: audit.scorer,
            question: audit.question,
            documents: audit.drawn.length,
          },
          superseded: await isSuperseded(run, audit),
          person,
          answered: queue.answered.map(({ id: document, answer, note }) => ({
            id: document,
            answer,
            note,
          })),
          ...workOf(queue),
        } satisfies AuditState,
      };
    },
  }),
  route({
    method: 'get',
    path: '/audit/documents/:id',
    summary: "Get a drawn document's text; its score, source and name only on request.",
    access: 'read',
    params: z.strictObject({
      id: z.string().meta({ description: "The document's id, from /audit/state." }),
    }),
    query: z.strictObject({
      audit: auditParameter,
      characters: charactersParameter(20_000),
      reveal: z
        .enum(['true', 'false'])
        .optional()
        .meta({ description: 'true: also the score, source and name; default false.' }),
    }),
    heavy: true,
    reply: { description: 'The document.', schema: auditDocumentSchema },
    async answer({ params, query: { audit: id, characters, reveal }, state: { run, texts } }) {
      const audit = await findAudit(run, { audit: id });
      const drawn = findDrawn(audit, params.id);
      const [text] = await readAuditTexts(texts, audit, [drawn], characters);
      const { score, slice, source, document } = drawn;
      const about = { score, slice: slice + 1, slices: audit.slices.length, source, document };
      const found =
        text === undefined || text instanceof BetrError
          ? {
              text: null,
              truncated: false,
              problem: problem(text ?? fail('INTERNAL', { reason: 'a text is missing' })),
            }
          : { text: text.text, truncated: text.truncated, problem: null };
      return {
        json: {
          id: drawn.id,
          ...found,
          about: reveal === 'true' ? about : null,
        } satisfies AuditDocument,
      };
      function problem(error: BetrError): { code: string; detail: string } {
        const { code, detail } = problemOf(error, run);
        return { code, detail };
      }
    },
  }),
  route({
    method: 'post',
    path: '/audit/answers',
    summary: "Save a person's answers, all or none. They are on disk when the reply arrives.",
    access: 'jobs',
    body: z.strictObject({
      audit: z.string().max(100),
      person: z.string().min(1).max(longestName),
      answers: z
        .array(
          z.strictObject({
            id: z.string().max(200),
            answer: z.enum(answers),
            note: z.string().max(noteLength).default(''),
            scoreShown: z
              .boolean()
              .default(false)
              .meta({ description: 'Whether the person had looked at the score.' }),
          }),
        )
        .min(1)
        .max(50),
    }),
    heavy: true,
    reply: { description: 'What is left to judge.', schema: auditSavedSchema },
    async answer({ body: { audit: id, person, answers: given }, state: { run } }) {
      const audit = await findAudit(run, { audit: id });
      const saved = await saveAnswers(run, audit, person, given);
      const queue = queueOf(audit, await readDecisions(run, audit), nameOf(person));
      return { json: { saved, ...workOf(queue) } satisfies AuditSaved };
    },
  }),
];

function workOf({ open, forOthers }: Queue): Work {
  return { next: open.slice(0, mostNext).map(({ id }) => id), left: open.length, forOthers };
}

/** Errors: AUDIT_DOCUMENT_UNKNOWN. */
function findDrawn({ id: audit, drawn }: Audit, id: string): Audit['drawn'][number] {
  const found = drawn.find((document) => document.id === id);
  if (found === undefined) throw fail('AUDIT_DOCUMENT_UNKNOWN', { got: id.slice(0, 200), audit });
  return found;
}
