// Errors of domain weights.

export const domainsErrors = {
  TABLE_KIND_UNKNOWN: {
    status: 422,
    exit: 1,
    say: (v: { path: string }) =>
      `${v.path} is not a supported table format. Supported endings: .csv, .tsv, .csv.gz, .tsv.gz, .parquet.`,
  },
  TABLE_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be used: ${v.problem}. docs/domains.md lists the columns of each table.`,
  },
  TABLE_CELL: {
    status: 422,
    exit: 1,
    say: (v: { path: string; row: number; column: string; got: string; need: string }) =>
      `${v.path}, row ${v.row} (row 1 is the first below the header), column "${v.column}": "${v.got}" ` +
      `is not ${v.need}. Correct the cell, or leave it empty if the value is unknown.`,
  },
  MODELS_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { losses: string; errors: string; lossModel: string; errorModel: string }) =>
      `No model is in both ${v.losses} (which has "${v.lossModel}") and ${v.errors} (which has ` +
      `"${v.errorModel}"). Models are matched by name; use the same names in both tables.`,
  },
  MODELS_TOO_FEW: {
    status: 422,
    exit: 1,
    say: (v: { models: number; need: number }) =>
      `Only ${v.models} models have losses and an error for every requested benchmark; at least ` +
      `${v.need} are needed. Add models, or select fewer benchmarks with --benchmarks.`,
  },
  DOMAIN_NO_TOKENS: {
    status: 422,
    exit: 1,
    say: (v: { path: string; domain: string; losses: string; row: number }) =>
      `${v.path} has no token count for domain "${v.domain}", which is in ${v.losses} (row ${v.row}). ` +
      `Add the domain's token count.`,
  },
  DOMAINS_NONE: {
    status: 422,
    exit: 1,
    say: (v: { path: string; leftOut: number }) =>
      `No domain in ${v.path} has a loss for every model (${v.leftOut} were excluded). Remove the ` +
      'models that lack losses.',
  },
  CAPS_TOO_LOW: {
    status: 422,
    exit: 2,
    say: (v: { sum: number }) =>
      `The domains' caps add up to ${v.sum}, but weights must add up to 1. Lower --keep-rate or raise --repeat.`,
  },
  PAGES_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { path: string; pages: number; page: string; domain: string }) =>
      `None of the ${v.pages} pages in ${v.path} matches a domain in the losses by document key or ` +
      `source (one page is "${v.page}", one domain is "${v.domain}"). Set corpus.fields in the settings ` +
      'so that the key or the source is the domain name.',
  },
  QUOTAS_UNMATCHED: {
    status: 422,
    exit: 1,
    say: (v: { domain: string; by: string; found: string }) =>
      `No ${v.by} in the ranked corpus is a domain with a weight (one ${v.by} is "${v.found}", one ` +
      `domain is "${v.domain}"). Set corpus.fields.source in the settings to the field that names a ` +
      `document's domain and run "betr rank", or use --quotas-by shard.`,
  },
  PAGES_ALIKE: {
    status: 422,
    exit: 1,
    say: (v: { pages: number; included: number }) =>
      `${v.included === 0 ? 'None' : 'All'} of the ${v.pages} pages belong to included domains, so there ` +
      'is nothing to distinguish. Change the keep rate, or add pages from included and excluded domains.',
  },
} as const;
