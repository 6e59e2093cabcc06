// Finds out why an endpoint refuses a request, from the status and message of its answer. Servers share no
// codes: Text Embeddings Inference sends 413 both for too many texts and for a text that is too long;
// llama.cpp sends 500 for the latter. docs/endpoints.md lists the answers.

export interface Refusal {
  /**
   * count: fewer texts may work; length: shorter texts may work; content: the server refuses one of these
   * texts at any length.
   */
  kind: 'count' | 'length' | 'content';
  /** The server's status and message. */
  reason: string;
  /** The maximum number of texts per request, or of tokens per text, if the server reports it. */
  limit: number | undefined;
  /** Tokens in the text, if the server reports them. */
  given: number | undefined;
}

const ofAllTexts = /\btokens (?:per|in)(?: \w+){0,2} (?:request|batch)|\btokens in batch/i;
/** The word "tokens" alone may be about a rate, a quota, or a full cache. */
const ofLength = [
  /context (?:length|size|window)|too large to process/i,
  /\b(?:input|prompt|sequence|model|maximum|max) (?:length|len)\b/i,
  /\b(?:input|prompt|text|sequence|message|request)s?\b.{0,40}\b(?:is |are )?too (?:long|large)/i,
  /\b(?:less|fewer|more|larger|longer) than \d+ (?:input |prompt )?tokens/i,
  /\bexceed\w*\b.{0,80}\btokens\b|\btokens\b.{0,80}\bexceed/i,
];
/** Troubles of the server, whatever text it was sent. */
const ofServer = [
  /out of memory|\bCUDA\b|\bqueue|\boverloaded|\bcache is full|\btry again\b/i,
  /\bquota|\bcredits?\b|\bbilling|\brate limit/i,
  /\bper (?:second|minute|hour|day|month)\b|\b(?:hourly|daily|weekly|monthly)\b/i,
];
const ofCount = /\bbatch|array too long|\btoo many\b|\bat most \d|\bnumber of (?:inputs|items|texts)/i;
/** Ollama's answer (with 500) if its model gives NaN for a text. */
const ofNumbers = /unsupported value: NaN/;

/** Parses an unsuccessful answer. Undefined if it is not about the texts, or may be temporary. */
export function readRefusal(status: number, message: string): Refusal | undefined {
  const kind = kindOf(status, message);
  if (kind === undefined) return undefined;
  const limit = limitIn(message);
  return {
    kind,
    reason: `HTTP ${status} ${message}`,
    limit,
    given: limit === undefined ? undefined : givenIn(message, limit),
  };
}

function kindOf(status: number, message: string): Refusal['kind'] | undefined {
  if (ofServer.some((pattern) => pattern.test(message))) return undefined;
  if (status === 500)
    return ofLength.some((pattern) => pattern.test(message))
      ? 'length'
      : ofNumbers.test(message)
        ? 'content'
        : undefined;
  if (status !== 400 && status !== 413 && status !== 422) return undefined;
  if (ofAllTexts.test(message)) return 'count';
  if (ofLength.some((pattern) => pattern.test(message))) return 'length';
  // A 413 from a proxy is about the body size, which fewer texts reduce.
  return status === 413 || ofCount.test(message) ? 'count' : 'content';
}

/** The smallest number that the message calls a limit. */
function limitIn(message: string): number | undefined {
  const numbers = [
    ...message.matchAll(
      /(?:\b(?:at most|max\w*|limit|size|only)|\b(?:larger|less|more) than)\D{0,40}(\d+)/gi,
    ),
  ]
    .map(([, number]) => Number(number))
    .filter((number) => number > 0);
  return numbers.length === 0 ? undefined : Math.min(...numbers);
}

function givenIn(message: string, limit: number): number | undefined {
  const most = Math.max(...[...message.matchAll(/\d+/g)].map(([number]) => Number(number)));
  // vLLM stops counting one token above its limit, and counts the characters of very long texts.
  return most > limit + 1 && !/\bcharacters\b/.test(message) ? most : undefined;
}
