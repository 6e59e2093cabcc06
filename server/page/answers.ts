// The parts of the server's answers that the page reads. The page has its own types so that it compiles
// separately; test/server/page/answers.ts compares each of them with the server's schema.

/** GET /rank */
export interface Answer {
  keep: {
    rate: number;
    low: number;
    high: number;
    setBy: 'law' | 'data floor' | 'keep' | 'score';
    /** The requested score, if one was requested. */
    score?: number | undefined;
  };
  cutoff: { score: number | null; documents: number; tokens: number; ofDocuments: number; ofTokens: number };
  model: { flops: number; params: number; tokens: number; tokensPerParam: number } | null;
  repetition: { epochs: number; effectiveTokens: number } | null;
  law: { name: string; formula: string } | null;
  /** For a requested score, the budget it suits by this law. */
  suits?: { law: string } | undefined;
  caveats: readonly string[];
  ranking: { generation: string; publishedAt: string };
  pool?: { tokens: number; kept: number } | undefined;
  /** If some were chosen: the score is then the best corpus percentile among them. */
  benchmarks?: readonly string[] | undefined;
  summary: string;
}

/** GET /curve */
export interface Curve {
  /** The budgets on which the law was fitted. */
  law: { fittedFlops: { from: number; to: number } };
  points: readonly { flops: number; rate: number; low: number; high: number }[];
  /** The budgets at which the paper's best rate changes to a larger one. */
  paper: { crossovers: readonly { flops: number; from: number; to: number }[] };
}

interface Moved {
  added: { tokens: number };
}

/** GET /compare: smallest budget first, no filter last; and the change from each line to the next. */
export interface Comparison {
  lines: readonly (Pick<Answer, 'keep' | 'cutoff' | 'model' | 'repetition'> & {
    paperAccuracy: readonly { keep: number; accuracy: number }[] | null;
  })[];
  steps: readonly {
    /** Tokens that both keep, as a share of those that either keeps. */
    jaccard: number | null;
    sources: readonly (Moved & { source: string })[];
    benchmarks: readonly (Moved & { benchmark: string })[];
  }[];
}

/** GET /histogram: equal steps of score, lowest first. */
export interface Histogram {
  steps: readonly { from: number; to: number; documents: number; tokens: number }[];
}

/** Shares of the tokens before and after the cut; `lift` is after over before. */
export interface MixtureChange {
  before: { share: number };
  after: { share: number };
  lift: number;
}

/** GET /composition: by source, and by the benchmark that a document is best for. */
export interface Composition {
  sources: readonly (MixtureChange & { source: string })[];
  benchmarks: readonly (MixtureChange & { benchmark: string })[];
}

/** One document of GET /documents */
export interface ShownDocument {
  document: string;
  shard: string;
  shardId: string;
  row: number;
  source: string;
  tokens: number;
  score: number;
  text: string | null;
  problem: { detail: string } | null;
}

/** GET /documents?near=cutoff: just kept, worst first; just dropped, best first. */
export interface Margin {
  cutoff: { score: number | null } | null;
  kept?: { documents: readonly ShownDocument[] } | undefined;
  dropped?: { documents: readonly ShownDocument[] } | undefined;
}

export interface Contribution {
  ngram: string;
  count: number;
  contribution: number;
  /** In UTF-16 units: the first, and one past the last. */
  places: readonly { characters: readonly [number, number] }[];
}

/** GET /documents/{shard}/{row}/why */
export interface Why {
  document: {
    document: string;
    shard: string;
    row: number;
    source: string;
    score: number;
    kept: boolean | null;
  };
  place: { rank: number; of: number; percentile: number };
  text: string;
  truncated: boolean;
  explanation: {
    score: number;
    bias: number;
    ngrams: number;
    up: readonly Contribution[];
    down: readonly Contribution[];
    others: { different: number; contribution: number };
  };
  nearest:
    | { available: true; examples: readonly { benchmark: string; text: string; cosine: number }[] }
    | { available: false; reason: string };
}

/** GET /jobs/{id}, newest first in GET /jobs */
export interface Job {
  id: string;
  kind: string;
  state: string;
  /** Null while the job may still change. */
  endedAt: string | null;
  progress: {
    stage: string;
    done: number;
    total: number | null;
    unit: string;
    rate: number | null;
    etaSeconds: number | null;
  } | null;
  problem: { code: string; detail: string } | null;
}

/** GET /benchmarks */
export interface Benchmarks {
  benchmarks: readonly Benchmark[];
}

export interface Benchmark {
  name: string;
  /** Whether it has a score of its own, so that it can be switched off. */
  scored: boolean;
  heldOutRocAuc: number | null;
}

/** GET /examples */
export interface Examples {
  /** The name of each recipe in prose. */
  recipeNames: Readonly<Record<string, string>>;
  benchmarks: readonly {
    benchmark: string;
    examples: number;
    quarantined: number;
    recipes: readonly { recipe: string; rows: number }[];
    refused: readonly { reason: string; rows: number; first: string }[];
    unused: readonly { field: string; rows: number }[];
    shown: readonly { example: string; recipe: string; text: string }[];
  }[];
}

/** GET /rankings: the ranking that answers come from. */
export interface Rankings {
  rankings: readonly { drift: { from: string; over: readonly string[] } | null }[];
}

/** GET /calibrations */
export interface Calibrations {
  calibrations: readonly { name: string; formula: string }[];
}

/** GET /readyz */
export interface Ready {
  generation: string | null;
  problem: { code: string; detail: string; status: number } | null;
}

/** GET /training: by name. */
export interface Training {
  jobs: readonly TrainingJob[];
}
export interface TrainingJob {
  name: string;
  /** Null if the job cannot be read. */
  kind: string | null;
  state: 'waiting' | 'running' | 'stopped' | 'failed' | 'invalid' | 'done';
  step: number | null;
  steps: number | null;
  loss: number | null;
  tokensPerSecond: number | null;
  secondsLeft: number | null;
  /** When the last event was written. */
  at: string | null;
  problem: string | null;
}

/** GET /training/{name}: `next` is where the events that follow begin. */
export interface TrainingEvents {
  events: readonly { step?: number | undefined; loss?: number | undefined }[];
  next: number;
}

/** GET /domains: best first; `ofDomains` is the total. */
export interface Domains {
  estimator: string;
  target: readonly string[];
  models: number;
  ofDomains: number;
  domains: readonly Domain[];
  prediction: { rSquared: number; meanLoss: number; permutedHigh: number } | null;
  warnings: readonly string[];
}

export interface Domain {
  domain: string;
  tokens: number;
  estimate: number;
  low: number | null;
  high: number | null;
  chosen: number | null;
  weight: number;
  include: boolean;
}

export interface Interval {
  value: number;
  low: number;
  high: number;
}

/** GET /evaluation */
export interface Evaluation {
  trainWords: number;
  rankings: readonly { scorer: string; generation: string }[];
  selections: readonly {
    scorer: string;
    keep: number;
    verdict: 'baseline' | 'better than random' | 'no better than random';
    targetMatch: Match;
    offTarget: Match;
  }[];
}

interface Match {
  mean: { bitsPerByte: Interval & { n: number }; gain: Interval };
}
