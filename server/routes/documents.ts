// GET /documents: the documents on both sides of a cutoff, or the ranking from the top, the bottom or at
// random, with texts.

import { z } from 'zod';
import { BetrError, fail } from '../../run/errors/errors.ts';
import { listAroundCutoff, listDocuments, type Listing, orders } from '../../ranking/list-documents.ts';
import { type Page } from '../../ranking/document-page.ts';
import { rankedDocumentSchema } from '../../ranking/ranked-document.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { charactersParameter, wholeParameter } from './parameters.ts';
import { questionFields } from './question.ts';
import { route } from '../route.ts';
import { problemOf } from '../problem.ts';
import type { ServerState } from '../state.ts';
import { answerSchema } from '../../ranking/budget/question.ts';
import { aim, generationOf, generationSchema } from '../../ranking/why/aim.ts';

export const shownDocumentSchema = rankedDocumentSchema.extend({
  /** The beginning of the text; null if it cannot be read (see `problem`). */
  text: z.string().nullable(),
  truncated: z.boolean(),
  /** Bytes of the full text in UTF-8. */
  textBytes: z.number().int().nullable(),
  problem: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
});
export type ShownDocument = z.output<typeof shownDocumentSchema>;

const pageSchema = z.strictObject({
  documents: z.array(shownDocumentSchema),
  /** The `cursor` of the next page; null on the last page. */
  next: z.string().nullable(),
});
export type ShownPage = z.output<typeof pageSchema>;

export const documentsAnswerSchema = z.strictObject({
  ranking: generationSchema,
  /** Null if the request does not ask for a cutoff. */
  cutoff: answerSchema.shape.cutoff.nullable(),
  /** With near=cutoff: both, or the one that `side` names. */
  kept: pageSchema.optional(),
  dropped: pageSchema.optional(),
  /** Without near. */
  documents: pageSchema.optional(),
});
export type DocumentsAnswer = z.output<typeof documentsAnswerSchema>;

export const documentRoutes = [
  route({
    method: 'get',
    path: '/documents',
    summary:
      'List documents of the ranking with their texts: around the cutoff, from the top, from the bottom or at random.',
    access: 'read',
    query: z.strictObject({
      near: z.enum(['cutoff']).optional().meta({
        description:
          'cutoff: the last documents kept and the first documents dropped by a budget, share or score.',
      }),
      side: z
        .enum(['kept', 'dropped'])
        .optional()
        .meta({ description: 'With near: only this side of the cutoff. Required with a cursor.' }),
      order: z.enum(orders).optional().meta({ description: 'Where to start, without near; default top.' }),
      seed: wholeParameter('seed', 0, 2 ** 32 - 1, 1, 'Seed for order=random.'),
      benchmark: z.string().optional().meta({ description: 'Order by the score for this benchmark.' }),
      source: z.string().optional().meta({ description: 'Only documents of this source.' }),
      limit: wholeParameter('limit', 1, 100, 20, 'Documents per page.'),
      cursor: z.string().max(4096).optional().meta({ description: 'The "next" value of the previous page.' }),
      characters: charactersParameter(600),
      ...questionFields,
    }),
    heavy: true,
    reply: {
      description: 'One page, or the pages on both sides of the cutoff.',
      schema: documentsAnswerSchema,
    },
    async answer({
      query: { near, side, order, seed, benchmark, source, limit, cursor, characters, ...question },
      state,
    }) {
      const wrong =
        near === undefined
          ? side === undefined
            ? undefined
            : 'side needs near=cutoff'
          : findMisuse(order, benchmark, side, cursor);
      if (wrong !== undefined) throw fail('USAGE', { problem: `${wrong}.` });
      const live = state.live.current();
      const { ranking, cutoff } = await aim(live, question);
      if (near !== undefined && cutoff === undefined)
        throw fail('USAGE', {
          problem: 'near=cutoff needs a cutoff: give a budget, params and/or tokens, keep, or score.',
        });
      const head = {
        ranking: generationOf(ranking),
        cutoff: cutoff === undefined ? null : answerSchema.shape.cutoff.parse(cutoff),
      };
      const where = { limit, ...(source === undefined ? {} : { source }) };
      if (near !== undefined && cutoff !== undefined) {
        const at =
          cursor === undefined ? {} : side === 'kept' ? { keptCursor: cursor } : { droppedCursor: cursor };
        const places =
          source === undefined && cursor === undefined
            ? await live.around(question, cutoff.documents, limit + 1)
            : undefined;
        const pages = await listAroundCutoff(state.run, ranking, cutoff, { ...where, ...at }, places);
        const [kept, dropped] = await Promise.all([
          side === 'dropped' ? undefined : showPage(state, ranking, pages.kept, characters),
          side === 'kept' ? undefined : showPage(state, ranking, pages.dropped, characters),
        ]);
        return {
          json: { ...head, ...(kept && { kept }), ...(dropped && { dropped }) } satisfies DocumentsAnswer,
        };
      }
      const listing: Listing = {
        ...where,
        order: order ?? 'top',
        seed,
        ...(benchmark === undefined ? {} : { benchmark }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      const page = await listDocuments(state.run, ranking, listing, cutoff);
      return {
        json: {
          ...head,
          documents: await showPage(state, ranking, page, characters),
        } satisfies DocumentsAnswer,
      };
    },
  }),
];

function findMisuse(
  order: string | undefined,
  benchmark: string | undefined,
  side: string | undefined,
  cursor: string | undefined,
): string | undefined {
  if (order !== undefined) return 'Give near or order, not both';
  if (benchmark !== undefined)
    return (
      'near=cutoff uses the score of the cutoff; leave benchmark out (benchmarks=NAME ranks by one ' +
      'benchmark only)'
    );
  return cursor !== undefined && side === undefined
    ? 'A cursor belongs to one side: add side=kept or side=dropped'
    : undefined;
}

/** A page with its texts; with `characters` 0, no text is read. */
async function showPage(
  { run, texts }: ServerState,
  ranking: Ranking,
  { documents, next }: Page,
  characters: number,
): Promise<ShownPage> {
  if (characters === 0)
    return {
      documents: documents.map((document) => ({
        ...document,
        text: '',
        truncated: true,
        textBytes: null,
        problem: null,
      })),
      next,
    };
  const heads = await texts.readHeads(ranking, documents, characters);
  return {
    documents: documents.map((document, i) => {
      const head = heads[i];
      if (head === undefined || head instanceof BetrError) {
        const { code, detail } = problemOf(head ?? fail('INTERNAL', { reason: 'a text is missing' }), run);
        return { ...document, text: null, truncated: false, textBytes: null, problem: { code, detail } };
      }
      return {
        ...document,
        text: head.text,
        truncated: head.truncated,
        textBytes: head.bytes,
        problem: null,
      };
    }),
    next,
  };
}
