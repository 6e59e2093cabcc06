// GET /documents: what a cutoff just keeps and just drops, and the ranking from either end or by chance, with
// the texts.

import { z } from 'zod';
import { BetrError, fail } from '../../run/errors/errors.ts';
import {
  listAroundCutoff,
  listDocuments,
  type Listing,
  orders,
  type Page,
} from '../../ranking/list-documents.ts';
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
  /** The text's beginning; null where it cannot be read, and `problem` says why. */
  text: z.string().nullable(),
  truncated: z.boolean(),
  /** Of the whole text, in UTF-8. */
  textBytes: z.number().int().nullable(),
  problem: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
});
export type ShownDocument = z.output<typeof shownDocumentSchema>;

const pageSchema = z.strictObject({
  documents: z.array(shownDocumentSchema),
  /** The parameter `cursor` for the next page; null where this is the last. */
  next: z.string().nullable(),
});
export type ShownPage = z.output<typeof pageSchema>;

export const documentsAnswerSchema = z.strictObject({
  ranking: generationSchema,
  /** Null where no question for a cutoff was asked. */
  cutoff: answerSchema.shape.cutoff.nullable(),
  /** With near=cutoff, or the one of them that `side` asks for. */
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
      'Documents of the ranking with their texts: around the cutoff, from the top, from the bottom or by chance.',
    access: 'read',
    query: z.strictObject({
      near: z.enum(['cutoff']).optional().meta({
        description: 'The documents just kept and just dropped by the cutoff for a budget or a share.',
      }),
      side: z
        .enum(['kept', 'dropped'])
        .optional()
        .meta({ description: 'With near: only this side, for its next pages.' }),
      order: z.enum(orders).optional().meta({ description: 'Without near; top when left out.' }),
      seed: wholeParameter('seed', 0, 2 ** 32 - 1, 1, 'With order=random.'),
      benchmark: z.string().optional().meta({ description: "Orders by this benchmark's own score." }),
      source: z.string().optional().meta({ description: 'Only documents of this source.' }),
      limit: wholeParameter('limit', 1, 100, 20, 'Documents on a page.'),
      cursor: z.string().max(4096).optional().meta({ description: 'The "next" of the page before.' }),
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
            : 'side is of use with near=cutoff only'
          : findMisuse(order, benchmark, side, cursor);
      if (wrong !== undefined) throw fail('USAGE', { problem: `${wrong}.` });
      const live = state.live.current();
      const { ranking, cutoff } = await aim(live, question);
      if (near !== undefined && cutoff === undefined)
        throw fail('USAGE', {
          problem: 'near=cutoff has to know the cutoff: give a budget, params and/or tokens, or keep.',
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
  if (order !== undefined) return 'near and order exclude each other';
  if (benchmark !== undefined)
    return (
      'near=cutoff goes by the score that the cutoff is of; leave benchmark out (benchmarks=NAME ' +
      'ranks by one alone)'
    );
  return cursor !== undefined && side === undefined
    ? 'A cursor is of one side: give side=kept or side=dropped with it'
    : undefined;
}

/** A page with its texts; with `characters` 0 none is read. */
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
