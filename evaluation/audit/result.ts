// What the answers of an audit say about the ranking.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { boundsSchema, type Interval, intervalSchema, wilson } from '../../data/statistics.ts';
import { type Audit, sliceSchema } from './audit.ts';
import type { Decision, Decisions } from './decisions.ts';
import { combine, weightedShare } from './intervals.ts';
import { groupBy, judge, type Judged, weigh } from './judged.ts';
import { alphaInterval, krippendorffAlpha } from './krippendorff.ts';
import { personKey } from './person.ts';
import { cutoffFor, precisionCutoffSchema } from './precision-cutoff.ts';
import { listNotes } from './result-notes.ts';

/** Documents by what people said of them. */
const talliedSchema = z.strictObject({
  /** With at least one yes or no; precision is the share of yes among them. */
  judged: count,
  /** A document on which people disagree counts as the share of them who said yes. */
  yes: z.number(),
  /** Answered only with "cannot tell", which no share includes. */
  cannotTell: count,
  unanswered: count,
  precision: intervalSchema.nullable(),
});
type Tallied = z.output<typeof talliedSchema>;

export const auditResultSchema = z.strictObject({
  audit: z.strictObject({
    id: z.string(),
    drawnAt: z.string(),
    question: z.string(),
    scorer: z.string(),
    generation: z.string(),
    documents: count,
  }),
  people: z.array(z.strictObject({ person: z.string(), yes: count, no: count, cannotTell: count })),
  /** Answers that replaced an earlier one of the same person. */
  changedAnswers: count,
  /** Of all documents of the ranking, each slice with its share of them; null without a yes or no. */
  precision: intervalSchema
    .extend({
      /** Share of the documents in slices with a yes or no; the precision is that of these slices. */
      covers: z.number(),
    })
    .nullable(),
  ...talliedSchema.omit({ precision: true }).shape,
  /** Best first: the calibration curve. `meanScore` is that of the judged documents. */
  slices: z.array(
    sliceSchema.extend({ ...talliedSchema.shape, share: z.number(), meanScore: z.number().nullable() }),
  ),
  /** Most judged documents first. */
  sources: z.array(z.strictObject({ source: z.string(), ...talliedSchema.shape })),
  /**
   * Precision of the better half of the slices minus that of the other half; null if either has no answer. The
   * middle slice of an odd number is in neither.
   */
  difference: intervalSchema.nullable(),
  agreement: z
    .strictObject({
      /** Krippendorff's alpha of yes and no; null if all answers are the same. */
      alpha: z.number().nullable(),
      interval: boundsSchema.nullable(),
      /** Share of the pairs of answers to one document that are equal; a document weighs as many as its answers. */
      observed: z.number(),
      documents: count,
    })
    .nullable(),
  cutoff: precisionCutoffSchema.nullable(),
  notes: z.array(z.string()),
});
export type AuditResult = z.output<typeof auditResultSchema>;

/** The result; with `wanted`, also a cutoff for that precision. */
export function auditResult(audit: Audit, decisions: Decisions, wanted?: number): AuditResult {
  const judged = judge(audit, decisions.last);
  const all = tally(judged);
  const slices = audit.slices.map((slice, at) => {
    const own = judged.filter((document) => document.slice === at);
    const decisive = own.filter(({ yes }) => yes !== undefined);
    return {
      ...slice,
      ...tally(own),
      share: slice.documents / audit.documents,
      meanScore:
        decisive.length === 0 ? null : decisive.reduce((sum, { score }) => sum + score, 0) / decisive.length,
    };
  });
  const result = {
    audit: {
      id: audit.id,
      drawnAt: audit.drawnAt,
      question: audit.question,
      scorer: audit.scorer,
      generation: audit.generation,
      documents: audit.drawn.length,
    },
    people: listPeople(decisions.last),
    changedAnswers: decisions.all.length - decisions.last.length,
    precision: wholePrecision(slices),
    judged: all.judged,
    yes: all.yes,
    cannotTell: all.cannotTell,
    unanswered: all.unanswered,
    slices,
    sources: listSources(audit, judged),
    difference: halvesDifference(slices),
    agreement: agreementOf(judged, audit.seed),
    cutoff: wanted === undefined ? null : cutoffFor(audit, judged, wanted),
  };
  return { ...result, notes: listNotes(result, decisions) };
}

function tally(documents: readonly Judged[]): Tallied {
  const decisive = documents.flatMap(({ yes }) => yes ?? []);
  const yes = decisive.reduce((sum, own) => sum + own, 0);
  const unanswered = documents.filter(({ answers }) => answers.length === 0).length;
  return {
    judged: decisive.length,
    yes,
    cannotTell: documents.length - decisive.length - unanswered,
    unanswered,
    precision: decisive.length === 0 ? null : wilson(yes, decisive.length),
  };
}

function listPeople(last: readonly Decision[]): AuditResult['people'] {
  return [...groupBy(last, ({ person }) => personKey(person)).values()].map((own) => {
    const counted = (answer: Decision['answer']): number =>
      own.filter((decision) => decision.answer === answer).length;
    return {
      person: own[0]?.person ?? '',
      yes: counted('yes'),
      no: counted('no'),
      cannotTell: counted('cannot tell'),
    };
  });
}

type SlicePrecision = Pick<AuditResult['slices'][number], 'precision' | 'share'>;

/** The slices with answers, with weights that sum to 1. */
function weighSlices(slices: readonly SlicePrecision[]): {
  covers: number;
  parts: { weight: number; share: Interval }[];
} {
  const answered = slices.flatMap(({ precision, share }) => (precision === null ? [] : { precision, share }));
  const covers = answered.reduce((sum, { share }) => sum + share, 0);
  return {
    covers,
    parts: answered.map(({ precision, share }) => ({ weight: share / covers, share: precision })),
  };
}

function wholePrecision(slices: readonly SlicePrecision[]): AuditResult['precision'] {
  const { covers, parts } = weighSlices(slices);
  return parts.length === 0 ? null : { ...combine(parts), covers };
}

function halvesDifference(slices: readonly SlicePrecision[]): Interval | null {
  const middle = Math.floor(slices.length / 2);
  const better = weighSlices(slices.slice(0, middle)).parts;
  const other = weighSlices(slices.slice(slices.length - middle)).parts;
  return better.length === 0 || other.length === 0
    ? null
    : combine([...better, ...other.map(({ weight, share }) => ({ weight: -weight, share }))]);
}

function listSources(audit: Audit, judged: readonly Judged[]): AuditResult['sources'] {
  const weighted = groupBy(weigh(audit, judged), ({ document }) => document.source);
  return [...groupBy(judged, ({ source }) => source)]
    .map(([source, own]) => {
      const precision = weightedShare(weighted.get(source) ?? []) ?? null;
      return { source, ...tally(own), precision };
    })
    .sort((a, b) => b.judged - a.judged || (a.source < b.source ? -1 : 1));
}

function agreementOf(judged: readonly Judged[], seed: number): AuditResult['agreement'] {
  const units = judged.map(({ answers }) =>
    answers.flatMap(({ answer }) => (answer === 'cannot tell' ? [] : answer)),
  );
  const found = krippendorffAlpha(units);
  return found === null
    ? null
    : {
        alpha: found.alpha,
        interval: alphaInterval(units, seed),
        observed: found.observed,
        documents: found.units,
      };
}
