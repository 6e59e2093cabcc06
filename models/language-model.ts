// What a language model is: it gives the log probabilities of continuations and of whole texts, and it
// generates. Every log probability is a natural one.

/** The side of a prompt to cut where it does not fit into the context. */
export type CutSide = 'start' | 'end';

export interface Question {
  prompt: string;
  /** Texts that may follow the prompt; none is empty. */
  continuations: readonly string[];
}

export interface ContinuationAnswer {
  /** The sum over the tokens; null where the model does not say, as it names its most likely tokens only. */
  logProbability: number | null;
  /** Null where the tokens are not known. */
  tokens: number | null;
  /**
   * Tokens of the prompt before them that the model read, without a beginning token; null where they are not
   * known.
   */
  promptTokens: number | null;
  /** Whether the model itself would write exactly this; null where that is not known. */
  isGreedy: boolean | null;
}

export interface Answer {
  continuations: ContinuationAnswer[];
  /** Tokens of the prompt that were cut off, for it to fit into the context. */
  cutTokens: number;
}

export interface TextLogProbability {
  /** The sum over the tokens that have a log probability. */
  logProbability: number;
  /**
   * Tokens of the text, and those of them in the sum: without a beginning token, a text's first token has no
   * probability.
   */
  tokens: number;
  scoredTokens: number;
  /** UTF-8 bytes of the text. */
  bytes: number;
  /** Windows that the text was read in, because the context is shorter. */
  windows: number;
}

export interface Sampling {
  maxTokens: number;
  /** 0, the default, takes the most likely token each time. */
  temperature?: number;
  topP?: number;
  /** The same seed gives the same text again, as far as the back-end keeps to it. */
  seed?: number;
  /** Texts that end the generation; they are not part of its text. */
  stop?: readonly string[];
  /** The side of the prompt to cut; the start by default. */
  cut?: CutSide;
}

export interface Generation {
  text: string;
  tokens: number;
  /** Whether it ended by itself or at a stop text, not at maxTokens. */
  isComplete: boolean;
  cutTokens: number;
}

export type Verb = 'logProbabilities' | 'textLogProbability' | 'generate';

/** Where the numbers come from. */
export interface Source {
  backEnd: 'onnx' | 'endpoint' | 'dummy';
  /** The folder, the hub's name, or the address. */
  place: string;
  /** The number type of the weights, where it is known. */
  quantization: string | null;
  /** exact: any token's log probability; top-k: those of the `topK` most likely tokens. */
  precision: 'exact' | 'top-k';
  topK: number | null;
  /** How a server is asked. */
  route: string | null;
}

export interface LanguageModel {
  name: string;
  /** Changes with everything that a log probability depends on. */
  fingerprint: string;
  /** Tokens that the model reads at most; null where the server does not say. */
  contextTokens: number | null;
  /** What the tokenizer puts before every text; '' for nothing, null where it is not known. */
  beginning: string | null;
  /** Verbs that the model does not have, and why. */
  lacks: Readonly<Partial<Record<Verb, string>>>;
  /** Continuations that it answers for: of any length, or of one token. */
  continuations: 'any' | 'one token';
  source: Source;
  /**
   * Answers questions, in their order. Those of one call share the work on the beginning that they have in
   * common, so ask all questions about a text in one call. `cut` is the side to cut of a prompt that is too
   * long. Errors: LANGUAGE_MODEL_QUESTION, LANGUAGE_MODEL_CANNOT, LOG_PROBABILITIES_OFF,
   * LANGUAGE_MODEL_ANSWER, and those of the endpoint.
   */
  logProbabilities(questions: readonly Question[], cut: CutSide): Promise<Answer[]>;
  /**
   * The log probability of a whole text, which is read in windows where the context is shorter. Errors: as
   * above.
   */
  textLogProbability(text: string): Promise<TextLogProbability>;
  /** Continues a prompt. Errors: as above. */
  generate(prompt: string, sampling: Sampling): Promise<Generation>;
  close(): Promise<void>;
}

/** Bits for each byte of a text; null for an empty one. */
export function bitsPerByte({ logProbability, bytes }: TextLogProbability): number | null {
  return bytes === 0 ? null : -logProbability / (bytes * Math.LN2);
}
