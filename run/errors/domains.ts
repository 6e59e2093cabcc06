// Errors of domain weights.

export const domainsErrors = {
  TABLE_KIND_UNKNOWN: {
    status: 422,
    exit: 1,
    say: (v: { path: string }) =>
      `${v.path} is of a kind that is not read as a table. Known endings: .csv, .tsv, .csv.gz, .tsv.gz, .parquet.`,
  },
  TABLE_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be used: ${v.problem}. docs/domains.md shows which columns each table has.`,
  },
  TABLE_CELL: {
    status: 422,
    exit: 1,
    say: (v: { path: string; row: number; column: string; got: string; need: string }) =>
      `${v.path}, row ${v.row} (the first below the header is 1), column "${v.column}": "${v.got}" ` +
      `stands where ${v.need} belongs. Correct the cell, or leave it empty where the value is not known.`,
  },
  MODELS_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { losses: string; errors: string; lossModel: string; errorModel: string }) =>
      `No model is both in ${v.losses} (which has "${v.lossModel}") and in ${v.errors} (which has ` +
      `"${v.errorModel}"). Models are joined by name; make the names the same.`,
  },
  MODELS_TOO_FEW: {
    status: 422,
    exit: 1,
    say: (v: { models: number; need: number }) =>
      `Only ${v.models} models have losses and an error on every benchmark asked for, and at ` +
      `least ${v.need} are needed. Add models, or name fewer benchmarks with --benchmarks.`,
  },
  DOMAIN_NO_TOKENS: {
    status: 422,
    exit: 1,
    say: (v: { path: string; domain: string; losses: string; row: number }) =>
      `${v.path} has no tokens for domain "${v.domain}", which is in ${v.losses} (row ${v.row}). Add ` +
      `the domain's token count.`,
  },
  DOMAINS_NONE: {
    status: 422,
    exit: 1,
    say: (v: { path: string; leftOut: number }) =>
      `${v.path} has no domain with a loss for every model (${v.leftOut} were left out). Leave out the ` +
      'models that lack losses.',
  },
  CAPS_TOO_LOW: {
    status: 422,
    exit: 2,
    say: (v: { sum: number }) =>
      `The domains' caps come to ${v.sum}, and weights have to come to 1. Lower --keep-rate or raise --repeat.`,
  },
  PAGES_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { path: string; pages: number; page: string; domain: string }) =>
      `None of the ${v.pages} pages in ${v.path} is a domain of the losses by its document key or its ` +
      `source (a page is "${v.page}", a domain "${v.domain}"). Set corpus.fields in the settings so ` +
      `that one of the two is the domain's name.`,
  },
  QUOTAS_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { domain: string; by: string; found: string }) =>
      `No ${v.by} of the ranked corpus is a domain with a weight (a ${v.by} is "${v.found}", a domain ` +
      `"${v.domain}"). Set corpus.fields.source in the settings to the field that names a ` +
      `document's domain and run "betr rank", or ask for --quotas-by shard.`,
  },
  PAGES_ALIKE: {
    status: 422,
    exit: 1,
    say: (v: { pages: number; included: number }) =>
      `${v.included === 0 ? 'None' : 'All'} of the ${v.pages} pages are of included domains, so there ` +
      'is nothing to distinguish. Change the keep rate, or name pages of both kinds of domains.',
  },
} as const;
