// A judge's requests as a file, in OpenAI's batch format: one request per line, each with an id that comes back
// with its answer. `vllm run-batch` and hosted batch services read it.

import { open } from 'node:fs/promises';
import { textOf } from '../../data/documents.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { readShard } from '../../data/read.ts';
import { listCorpus } from '../../data/shards.ts';
import { commitFile } from '../../data/files/commit.ts';
import { chatBody, chatTop, completionBody, topTokens } from '../../models/endpoint/routes/request-bodies.ts';
import { joinTexts } from '../../models/joined-tokens.ts';
import type { LanguageModel } from '../../models/language-model.ts';
import type { ModelEntry } from '../../run/model-settings.ts';
import { isAddress } from '../../run/address.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { readSampleBlocks } from '../sample/sample-blocks.ts';
import type { Judge, JudgeRequest } from './judge.ts';

export interface BatchWritten {
  file: string;
  /** The route and the model that every request names. */
  url: string;
  model: string;
  requests: number;
  /** Requests that are not in the file because their answers are stored. */
  stored: number;
}

/** The id of a request: its judge, to name it in messages, and what its reply is stored by. */
export function requestId(judge: Judge, digest: string): string {
  return `${judgePrefix(judge)}${digest}`;
}

export function judgePrefix({ fingerprint }: Judge): string {
  return `betr-${fingerprint.slice(0, 16)}-`;
}

/** The model of a judge, as the settings have it. */
export function modelOf({ settings: { models } }: Run, { model }: Judge): ModelEntry {
  const found = models.find(({ name }) => name === model.name);
  if (found === undefined)
    throw fail('LANGUAGE_MODEL_UNKNOWN', { name: model.name, known: models.map(({ name }) => name) });
  return found;
}

/** A request's route and body. */
export function batchRequest(
  settings: ModelEntry,
  model: string,
  chatFields: LanguageModel['chatFields'],
  { prompt, question }: Pick<JudgeRequest, 'prompt' | 'question'>,
): { url: string; body: object } {
  const { chat } = settings;
  const { mode, samples, maxTokens } = question;
  const top = topTokens(settings, chat);
  if (mode === 'rating') {
    const more = {
      max_tokens: maxTokens,
      ...(samples > 1 ? { temperature: 1, n: samples } : { temperature: 0 }),
    };
    return chat
      ? { url: '/v1/chat/completions', body: chatBody(model, prompt, chatFields, more) }
      : { url: '/v1/completions', body: completionBody(model, prompt, more) };
  }
  if (chat) return { url: '/v1/chat/completions', body: chatBody(model, prompt, chatFields, chatTop(top)) };
  // Trailing blanks belong to the answers, as for a server that answers now.
  const { prompt: kept } = joinTexts(prompt, '');
  return { url: '/v1/completions', body: completionBody(model, kept, { logprobs: top }) };
}

/**
 * Writes the requests about these texts that have no stored answer to `path`. Errors:
 * LANGUAGE_MODEL_NAME_MISSING, STEP_MISSING, DISK_FULL, WRITE_FAILED.
 */
export async function writeBatch(
  run: Run,
  judge: Judge,
  texts: BatchTexts,
  path: string,
): Promise<BatchWritten> {
  const settings = modelOf(run, judge);
  const model = nameForRequests(settings);
  const written: BatchWritten = {
    file: path,
    url: settings.chat ? '/v1/chat/completions' : '/v1/completions',
    model,
    requests: 0,
    stored: 0,
  };
  const seen = new Set<string>();
  await commitFile(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      await forEachRequest(run, judge, texts, async (requests) => {
        const lines: string[] = [];
        for (const request of requests) {
          if (seen.has(request.digest)) continue;
          seen.add(request.digest);
          if (request.isStored) written.stored++;
          else
            lines.push(
              `${JSON.stringify({
                custom_id: requestId(judge, request.digest),
                method: 'POST',
                ...batchRequest(settings, model, judge.model.chatFields, request),
              })}\n`,
            );
        }
        written.requests += lines.length;
        await file.appendFile(lines.join(''));
      });
    } finally {
      await file.close();
    }
  });
  return written;
}

/** Texts whose requests are in memory at a time. */
const textsAtOnce = 512;

/** The texts that requests are about. */
export interface BatchTexts {
  /** Texts beside those of the sample or the corpus. */
  more: readonly string[];
  /** Whether to ask about every document of the corpus, not only about the sample. */
  all: boolean;
}

/** Passes the requests about `more` texts and about the sample or the corpus to `use`, some at a time. */
export async function forEachRequest(
  run: Run,
  judge: Judge,
  { more, all }: BatchTexts,
  use: (requests: JudgeRequest[]) => Promise<void>,
): Promise<void> {
  const useTexts = async (texts: readonly string[]): Promise<void> => {
    for (let from = 0; from < texts.length; from += textsAtOnce)
      await use(judge.requests(texts.slice(from, from + textsAtOnce)));
  };
  await useTexts(more);
  if (!all) {
    await readSampleBlocks(run, run.files.sample, (_keys, texts) => useTexts(texts));
    return;
  }
  for (const shard of await listCorpus(run)) {
    for await (const batch of readShard(shard, run.settings.corpus.fields, { quarantine: ignoredRows }))
      await useTexts(Array.from({ length: batch.count }, (_, i) => textOf(batch, i)));
  }
}

/** What requests call the model: its name at the server, or on the hub. Errors: LANGUAGE_MODEL_NAME_MISSING. */
function nameForRequests({ name, model, endpointModel }: ModelEntry): string {
  if (endpointModel !== undefined) return endpointModel;
  if (typeof model !== 'string' || isAddress(model))
    throw fail('LANGUAGE_MODEL_NAME_MISSING', { model: name });
  return model;
}
