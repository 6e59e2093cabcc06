// Reads the answers to a batch file into a judge's store. Whatever is not exactly one good answer to one of the
// judge's requests is counted and stored as nothing.

import { z } from 'zod';
import { listRowFiles, readLineRows } from '../../data/rows/rows.ts';
import { endingOf } from '../../data/files/endings.ts';
import { escapeControls } from '../../run/escape-controls.ts';
import type { Run } from '../../run/run.ts';
import type { Told } from './ask.ts';
import { type Awaited, awaitedOf, readAnswer } from './batch-answers.ts';
import { type BatchTexts, forEachRequest, judgePrefix, modelOf } from './batch-requests.ts';
import type { Judge } from './judge.ts';

export const answerFaults = [
  'failed',
  'truncated',
  'other model',
  'duplicate',
  'unrecognized',
  'unreadable',
] as const;
type Fault = (typeof answerFaults)[number];

export interface BatchRead {
  /** Lines of the files. */
  lines: number;
  /** Answers stored now, and those that were stored before. */
  stored: number;
  known: number;
  /** Lines that were skipped, with the first of each kind. */
  faults: Record<Fault, { lines: number; first: string | null }>;
  /** Good answers in which none of the question's answers is likely, and the first token of one. */
  withoutAnswer: { lines: number; of: number; first: string | null };
  /** Requests that still have no answer. */
  missing: number;
}

const idPattern = /^betr-[0-9a-f]{16}-([0-9a-f]{32})$/;
const idSchema = z.object({ custom_id: z.string() });

/**
 * Reads answer files (a path or a pattern, relative to `folder`). `failuresUnknown` stores failed requests as
 * refused, so that their documents are unknown and are not asked about again. Errors: FILE_NOT_FOUND, NO_FILES,
 * FILE_KIND_UNKNOWN, those of reading and storing.
 */
export async function readBatch(
  run: Run,
  judge: Judge,
  texts: BatchTexts,
  { path, folder, failuresUnknown }: { path: string; folder: string; failuresUnknown: boolean },
): Promise<BatchRead> {
  const files = await listRowFiles([path], folder);
  const awaited = await listAwaited(run, judge, texts);
  const result: BatchRead = {
    lines: 0,
    stored: 0,
    known: 0,
    faults: {
      failed: { lines: 0, first: null },
      truncated: { lines: 0, first: null },
      'other model': { lines: 0, first: null },
      duplicate: { lines: 0, first: null },
      unrecognized: { lines: 0, first: null },
      unreadable: { lines: 0, first: null },
    },
    withoutAnswer: { lines: 0, of: 0, first: null },
    missing: 0,
  };
  const refuse = (fault: Fault, place: string, reason: string): void => {
    const found = result.faults[fault];
    found.lines++;
    found.first ??= escapeControls(`${place}: ${reason}`.slice(0, 400));
  };
  /** The good answers, without those that come twice. */
  const told = new Map<string, Told | undefined>();
  const unreadable = {
    count: 0,
    add(name: string, position: number, reason: string) {
      result.lines++;
      refuse('unreadable', `${name}#${position}`, reason);
    },
  };
  for (const { path: file, name } of files) {
    const format = endingOf(file)?.format ?? 'jsonl';
    for await (const { position, row } of readLineRows(file, format, unreadable, name)) {
      result.lines++;
      const place = `${name}#${position}`;
      const id = idSchema.safeParse(row).data?.custom_id;
      if (id === undefined) {
        refuse('unreadable', place, 'it has no custom_id');
        continue;
      }
      const [, digest = ''] = idPattern.exec(id) ?? [];
      const request = awaited.get(digest);
      if (request === undefined) {
        refuse('unrecognized', place, `"${id}" ${whyUnrecognized(id, judge)}`);
        continue;
      }
      if (told.has(digest)) {
        refuse('duplicate', place, `"${id}" has several answers`);
        told.set(digest, undefined);
        continue;
      }
      const answer = readAnswer(row, request);
      if ('problem' in answer) refuse(answer.problem, place, answer.reason);
      else countWithoutAnswer(result, answer);
      const isRefused = 'problem' in answer && answer.problem === 'failed' && failuresUnknown;
      told.set(
        digest,
        isRefused ? { reply: { reason: 'refused' }, tokens: 0 } : 'problem' in answer ? undefined : answer,
      );
    }
  }
  const fresh = [...told].flatMap(([digest, one]) => {
    if (one === undefined) return [];
    if (awaited.get(digest)?.isStored === true) {
      result.known++;
      return [];
    }
    return [{ digest, ...one }];
  });
  await judge.add(fresh);
  result.stored = fresh.length;
  const stored = new Set(fresh.map(({ digest }) => digest));
  for (const [digest, { isStored }] of awaited) if (!isStored && !stored.has(digest)) result.missing++;
  return result;
}

function countWithoutAnswer({ withoutAnswer }: BatchRead, { reply, first }: Told & { first?: string }): void {
  if (first === undefined || !('sums' in reply)) return;
  withoutAnswer.of++;
  if (reply.sums.some((sum) => sum !== null)) return;
  withoutAnswer.lines++;
  withoutAnswer.first ??= escapeControls(first.slice(0, 40));
}

async function listAwaited(
  run: Run,
  judge: Judge,
  texts: BatchTexts,
): Promise<Map<string, Awaited & { isStored: boolean }>> {
  const settings = modelOf(run, judge);
  const to = { model: settings.endpointModel, isChat: settings.chat };
  const awaited = new Map<string, Awaited & { isStored: boolean }>();
  await forEachRequest(run, judge, texts, (requests) => {
    for (const { digest, question, prompt, isStored } of requests)
      awaited.set(digest, { ...awaitedOf(question, prompt, to), isStored });
    return Promise.resolve();
  });
  return awaited;
}

function whyUnrecognized(id: string, judge: Judge): string {
  if (!id.startsWith('betr-')) return 'is not the id of a request by betr';
  return id.startsWith(judgePrefix(judge))
    ? 'answers a request about a text that is not asked about (any more)'
    : `answers a request of another judge, or of "${judge.name}" with another model, other questions or settings`;
}
