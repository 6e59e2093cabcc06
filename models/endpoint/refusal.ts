// Why an endpoint does not take a request, from the status and the words of its answer. Servers share no
// codes for it: Text Embeddings Inference sends 413 for too many texts and for too long a text alike,
// llama.cpp 500 for the latter. docs/endpoints.md has what each one says.

export interface Refusal {
  /**
   * count: fewer texts may do; length: shorter texts may do; content: the server takes one of these texts in
   * no length.
   */
  kind: 'count' | 'length' | 'content';
  /** The server's status and words. */
  reason: string;
  /** The most texts a request may have, or tokens a text, where the server says so. */
  limit: number | undefined;
  /** Tokens that the text has, where the server says so. */
  given: number | undefined;
}

const ofAllTexts = /\btokens (?:per|in)(?: \w+){0,2} (?:request|batch)|\btokens in batch/i;
const ofLength =
  /\btokens\b|context (?:length|size|window)|\b(?:input|prompt|text|sequence)s? (?:is |are )?too (?:long|large)|\b(?:input|sequence) length|too large to process/i;
const ofCount = /\bbatch|array too long|\btoo many\b|\bat most \d|\bnumber of (?:inputs|items|texts)/i;
/** Ollama answers so, with 500, where its model gives NaN for a text. */
const ofNumbers = /unsupported value: NaN/;

/** Reads an answer that is not a success. Nothing: it is not about the texts, or may pass. */
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
  if (status >= 500)
    return ofLength.test(message) ? 'length' : ofNumbers.test(message) ? 'content' : undefined;
  if (status !== 400 && status !== 413 && status !== 422) return undefined;
  if (ofAllTexts.test(message)) return 'count';
  if (ofLength.test(message)) return 'length';
  // A proxy's 413 is about the body, which fewer texts make smaller.
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
  // vLLM stops counting at one more than it takes, and counts the characters of very long texts.
  return most > limit + 1 && !/\bcharacters\b/.test(message) ? most : undefined;
}
