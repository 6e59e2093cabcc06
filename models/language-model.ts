// The interface of a language model: log probabilities of continuations and of texts, and generation. All log
// probabilities are natural logarithms.

/** The side of a prompt to truncate if it does not fit into the context. */
export type CutSide = 'start' | 'end';

export interface Question {
  prompt: string;
  /** Texts that may follow the prompt; none is empty. */
  continuations: readonly string[];
}

export interface ContinuationAnswer {
  /** The sum over the tokens; null if the model reports only its most likely tokens and these are others. */
  logProbability: number | null;
  /** Null if the tokens are unknown. */
  tokens: number | null;
  /** Prompt tokens that the model read, without a beginning token; null if unknown. */
  promptTokens: number | null;
  /** Whether greedy decoding would produce this continuation; null if unknown. */
  isGreedy: boolean | null;
  /**
   * The longest other continuation of the question whose tokens this one begins with, so that its probability is
   * part of that one's; absent if there is none.
   */
  continues?: number;
}

export interface Answer {
  continuations: ContinuationAnswer[];
  /** Prompt tokens removed to fit the prompt into the context. */
  cutTokens: number;
  /**
   * All tokens that the model read and wrote for this question, in however many requests. Work that questions
   * in one call share counts for the first.
   */
  tokensRead: number;
  tokensWritten: number;
}

export interface TextLogProbability {
  /** The sum over the tokens that have a log probability. */
  logProbability: number;
  tokens: number;
  /** Tokens in the sum. Without a beginning token, the first token of a text has no probability. */
  scoredTokens: number;
  /** UTF-8 bytes of the text. */
  bytes: number;
  /** Windows the text was split into to fit the context. */
  windows: number;
}

export interface Sampling {
  maxTokens: number;
  /** 0, the default, always takes the most likely token. */
  temperature?: number;
  topP?: number;
  /** The same seed gives the same text if the back-end is deterministic. */
  seed?: number;
  /** Texts that end the generation. The result does not include them. */
  stop?: readonly string[];
  /** The side of the prompt to truncate; the start by default. */
  cut?: CutSide;
}

export interface Generation {
  text: string;
  /** Tokens of the text. */
  tokens: number;
  /** All tokens that the model read and wrote. */
  tokensRead: number;
  tokensWritten: number;
  /** Whether it ended with an end token or a stop text, not at maxTokens. */
  isComplete: boolean;
  cutTokens: number;
}

export type Verb = 'logProbabilities' | 'textLogProbability' | 'generate';

/** Where the log probabilities come from. */
export interface Source {
  backEnd: 'onnx' | 'endpoint' | 'batch' | 'dummy';
  /** The folder, the name on the hub, or the address. */
  place: string;
  /** The number type of the weights; null if unknown. */
  quantization: string | null;
  /** exact: any token's log probability; top-k: those of the `topK` most likely tokens. */
  precision: 'exact' | 'top-k';
  topK: number | null;
  /** The route used at a server. */
  route: string | null;
  /** vLLM's --logprobs-mode, as found by asking at two temperatures; absent elsewhere. */
  logprobsMode?: 'raw_logprobs' | 'processed_logprobs';
}

export interface LanguageModel {
  name: string;
  /** Changes whenever anything changes that a log probability depends on. */
  fingerprint: string;
  /** The most tokens the model can read; null if the server does not report it. */
  contextTokens: number | null;
  /** What the tokenizer puts before every text; '' for nothing, null if unknown. */
  beginning: string | null;
  /** Verbs the model does not support, and why. */
  lacks: Readonly<Partial<Record<Verb, string>>>;
  /** Whether it can score continuations of any length, or only of one token. */
  continuations: 'any' | 'one token';
  /** Whether control tokens in a text, such as `<|im_end|>`, are more than plain characters to it. */
  obeysControlTokens: boolean;
  /** Whether it answers through files, so that only stored answers are known. */
  answersLater: boolean;
  /** Fields of a chat request that a server needs to answer as this model does. */
  chatFields: Readonly<Record<string, unknown>>;
  source: Source;
  /**
   * Answers questions, in order. Questions in one call share the work on a common prefix, so ask all
   * questions about a text in one call. `cut` is the side to truncate if a prompt is too long. Errors:
   * LANGUAGE_MODEL_QUESTION, LANGUAGE_MODEL_CANNOT, LOG_PROBABILITIES_OFF, LANGUAGE_MODEL_ANSWER, and those
   * of the endpoint.
   */
  logProbabilities(questions: readonly Question[], cut: CutSide): Promise<Answer[]>;
  /** The log probability of a text, read in windows if it exceeds the context. Errors: as above. */
  textLogProbability(text: string): Promise<TextLogProbability>;
  /** Continues a prompt. Errors: as above. */
  generate(prompt: string, sampling: Sampling): Promise<Generation>;
  close(): Promise<void>;
  /** How many calls at once keep it busy; 1 if absent. It changes as servers come and go. */
  readonly callsAtOnce?: number;
}

/** Bits per byte of a text; null if it is empty. */
export function bitsPerByte({ logProbability, bytes }: TextLogProbability): number | null {
  return bytes === 0 ? null : -logProbability / (bytes * Math.LN2);
}
