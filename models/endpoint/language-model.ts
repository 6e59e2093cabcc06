// A language model at a server, through OpenAI's routes or the faster ones of llama.cpp, vLLM and SGLang. Probes
// once, at opening, what the server supports, and rejects implausible answers.

import { limitAtOnce } from '../../run/at-once.ts';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { startWindow } from '../joined-tokens.ts';
import type { Generation, LanguageModel, Sampling, Verb } from '../language-model.ts';
import { answer } from './routes/answers.ts';
import { type Opened, roomOf } from './routes/positions.ts';
import { scoreText } from './routes/text-answer.ts';
import { defaultPace, EndpointProblem } from './exchange.ts';
import type { Pace } from '../../data/remote/retry.ts';
import { readRefusal } from './refusal.ts';
import { type Asking, chat, checkFilter, requestCompletion, watchModel } from './routes/route-requests.ts';
import { callsAtServer } from './pool/calls-at-server.ts';
import type { LogprobsMode } from './routes/logprobs-mode.ts';
import { topTokens, withoutThought } from './routes/request-bodies.ts';
import { findRoutes } from './routes/routes.ts';
import { openServer } from './server.ts';
import { openServerTokenizer } from './server-tokenizer.ts';
import { countUsage } from './usage.ts';

/** Programs whose chat route accepts variables for the chat template. */
const withTemplateValues = ['llamacpp', 'vllm', 'sglang'];

/**
 * Opens a model at a server. `pace` is for tests. Errors: LANGUAGE_MODEL_UNREACHABLE, LANGUAGE_MODEL_KEY,
 * LANGUAGE_MODEL_NAME, LANGUAGE_MODEL_ANSWER.
 */
export async function openEndpointModel(
  settings: ModelSettings,
  pace: Pace = defaultPace,
): Promise<LanguageModel> {
  return (await openServerModel(settings, pace)).model;
}

/** What a log probability depends on, whichever of several servers gives it. */
export interface Identity {
  /** The model's name at the server. */
  model: string | null;
  weights: string | null;
  route: string;
  byTokens: boolean;
  topK: number | null;
  chat: boolean;
  contextTokens: number | null;
  logprobsMode?: LogprobsMode;
}

/** Opens a model at a server, and says which model that is. Errors: those of `openEndpointModel`. */
export async function openServerModel(
  settings: ModelSettings,
  pace: Pace,
): Promise<{ model: LanguageModel; identity: Identity }> {
  const server = await openServer(settings, pace);
  const { name } = settings;
  const asking: Asking = {
    server,
    name,
    topK: (isChat) => topTokens(settings, isChat),
    chatFields: withTemplateValues.includes(server.program) ? withoutThought : {},
    checkModel: watchModel(name),
  };
  const tokenizer = settings.chat ? undefined : await openServerTokenizer(server);
  const routes = await refusals(
    server.shown,
    name,
    findRoutes(
      asking,
      settings.chat ? 'chat' : settings.route,
      tokenizer && (async (text) => startWindow(name, tokenizer.beginning, await tokenizer.encode(text))),
    ),
  );
  const contextTokens = lesser(server.contextTokens, settings.contextTokens ?? null);
  const isExact = routes.next !== undefined || routes.echo !== undefined;
  const topK = isExact ? null : asking.topK(routes.name === 'chat');
  const lacks: Partial<Record<Verb, string>> = {
    ...(routes.none === undefined ? {} : { logProbabilities: routes.none }),
    ...(routes.echo === undefined ? { textLogProbability: routes.none ?? routes.noEcho } : {}),
  };
  const open: Opened = {
    asking,
    routes,
    tokenizer,
    contextTokens,
    atOnce: limitAtOnce(() => settings.requestsAtOnce),
  };
  const guard = <T>(verb: Verb, work: () => Promise<T>): Promise<T> => {
    const reason = lacks[verb];
    if (reason === undefined) return refusals(server.shown, name, work());
    if (verb === 'logProbabilities' || routes.none !== undefined)
      throw fail('LOG_PROBABILITIES_OFF', { model: name, reason });
    throw fail('LANGUAGE_MODEL_CANNOT', {
      model: name,
      what: 'give the log probability of a whole text',
      reason,
    });
  };
  const logprobsMode = routes.logprobsMode === undefined ? {} : { logprobsMode: routes.logprobsMode };
  const identity: Identity = {
    model: server.model ?? null,
    weights: server.quantization,
    route: routes.name,
    byTokens: tokenizer !== undefined,
    topK,
    chat: settings.chat,
    contextTokens,
    ...logprobsMode,
  };
  const model: LanguageModel = {
    name,
    fingerprint: fingerprint({ endpoint: 1, url: server.base, ...identity }),
    contextTokens,
    beginning: tokenizer === undefined ? null : tokenizer.beginningText,
    lacks,
    continuations: isExact ? 'any' : 'one token',
    obeysControlTokens: tokenizer?.hasPlainText !== true,
    answersLater: false,
    chatFields: asking.chatFields,
    source: {
      backEnd: 'endpoint',
      place: server.shown,
      quantization: server.quantization,
      precision: isExact ? 'exact' : 'top-k',
      topK,
      route: routes.name,
      ...logprobsMode,
    },
    logProbabilities: async (questions, side) =>
      guard('logProbabilities', () => Promise.all(questions.map((question) => answer(open, question, side)))),
    textLogProbability: async (text) => guard('textLogProbability', () => scoreText(open, text)),
    generate: async (prompt, sampling) => guard('generate', () => generate(open, settings, prompt, sampling)),
    close: () => Promise.resolve(),
    callsAtOnce: callsAtServer(settings),
  };
  return { model, identity };
}

async function generate(
  open: Opened,
  settings: ModelSettings,
  prompt: string,
  { maxTokens, temperature = 0, topP, seed, stop, cut = 'start' }: Sampling,
): Promise<Generation> {
  const { asking, routes, tokenizer, atOnce } = open;
  const more = {
    max_tokens: maxTokens,
    temperature,
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
  const isChat = settings.chat || routes.name === 'chat';
  let sent: string | readonly number[] = prompt;
  let cutTokens = 0;
  if (!isChat && tokenizer !== undefined) {
    const ids = await tokenizer.encode(prompt);
    cutTokens = Math.max(0, ids.length - (roomOf(open, tokenizer) + 1 - maxTokens));
    if (cutTokens > 0 && cutTokens >= ids.length)
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem: `${maxTokens} new tokens leave no room for the prompt in the context`,
      });
    sent = startWindow(
      asking.name,
      tokenizer.beginning,
      cut === 'start' ? ids.slice(cutTokens) : ids.slice(0, ids.length - cutTokens),
    );
  }
  const { choice, tokensRead, tokensWritten } = await countUsage(() =>
    atOnce(() => (isChat ? chat(asking, prompt, more) : requestCompletion(asking, sent, more))),
  );
  checkFilter(choice);
  return {
    text: choice.text,
    tokens: tokensWritten,
    tokensRead,
    tokensWritten,
    isComplete: choice.finish !== 'length',
    cutTokens,
  };
}

function lesser(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** Turns a refusal or an unexpected answer into an error of the catalog. */
async function refusals<T>(url: string, model: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof EndpointProblem)) throw error;
    const problem = error.message;
    if (error.kind === 'answer') throw fail('LANGUAGE_MODEL_ANSWER', { model, problem }, error);
    // Only what is about the content may count as the text's fault.
    const isOfText = error.status !== undefined && readRefusal(error.status, error.said)?.kind === 'content';
    throw fail(isOfText ? 'LANGUAGE_MODEL_REFUSED' : 'LANGUAGE_MODEL_FAILED', { url, problem }, error);
  }
}
