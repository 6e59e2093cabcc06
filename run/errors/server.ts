// Errors of the server and its jobs.

export const serverErrors = {
  PARAMETER_UNKNOWN: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; known: string }) =>
      `There is no parameter "${v.parameter}" here. Known parameters: ${v.known || 'none'}.`,
  },
  PARAMETER_MISSING: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; allowed: string }) =>
      `The parameter ${v.parameter} is missing. It must be ${v.allowed}.`,
  },
  PARAMETER_REPEATED: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; got: string[] }) =>
      `${v.parameter} appears more than once (${v.got.join(', ')}). Specify it only once.`,
  },
  BODY_INVALID: {
    status: 400,
    exit: 2,
    say: (v: { problems: string[] }) =>
      `The request body is not valid: ${v.problems.join('; ')}. /docs describes what this route accepts.`,
  },
  BODY_KIND: {
    status: 415,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The request body has type "${v.got}", but it must be ${v.allowed}. Set the Content-Type header.`,
  },
  BODY_TOO_LARGE: {
    status: 413,
    exit: 2,
    say: (v: { limitBytes: number }) =>
      `The request body is larger than the ${v.limitBytes} bytes that this route accepts. Send less at a time.`,
  },
  NOT_ACCEPTABLE: {
    status: 406,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The Accept header asks for "${v.got}", but this route returns ${v.allowed}.`,
  },
  ROUTE_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { method: string; path: string }) =>
      `There is nothing at ${v.method} ${v.path}. /docs lists the routes.`,
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    exit: 2,
    say: (v: { method: string; path: string; allowed: string }) =>
      `${v.path} does not support ${v.method}, only ${v.allowed}.`,
  },
  HOST_REFUSED: {
    status: 421,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The request is for the host "${v.got}", but this server answers only for ${v.allowed}. Allow ` +
      'another host with betr serve --allow-host.',
  },
  SITE_REFUSED: {
    status: 403,
    exit: 2,
    say: (v: { got: string }) =>
      `A browser sent this request from a page of another site (Sec-Fetch-Site: ${v.got}). Other sites ` +
      `may only link to /, /audit and /docs. Use this server's own page, or a program.`,
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    exit: 2,
    say: (v: { bytes: number; most: number }) =>
      `The request's URL and headers total ${v.bytes} bytes, but at most ${v.most} are accepted. ` +
      'Send fewer or shorter ones.',
  },
  KEY_MISSING: {
    status: 401,
    exit: 2,
    say: (v: { kind: string }) =>
      `This server requires an API key of kind "${v.kind}". Send it as "Authorization: Bearer KEY"; ` +
      `"betr serve --new-key ${v.kind}" makes one.`,
  },
  KEY_REFUSED: {
    status: 403,
    exit: 2,
    say: (v: { kind: string }) =>
      `The API key is not a known key of kind "${v.kind}", which this request requires. "betr serve ` +
      `--new-key ${v.kind}" makes one.`,
  },
  KEYS_NEEDED: {
    status: 500,
    exit: 2,
    say: (v: { host: string; keys: string }) =>
      `Other machines can reach this server on ${v.host}, but there is no API key in ${v.keys}. Make one ` +
      'with "betr serve --new-key read", or serve on 127.0.0.1.',
  },
  KEYS_UNUSABLE: {
    status: 500,
    exit: 2,
    say: (v: { path: string; problem: string; remedy: string }) =>
      `The API keys in ${v.path} cannot be used: ${v.problem}. ${v.remedy}.`,
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    exit: 1,
    say: (v: { perMinute: number; seconds: number }) =>
      `This address sent more than ${v.perMinute} requests in a minute. Wait ${v.seconds} s.`,
  },
  BUSY: {
    status: 503,
    exit: 1,
    say: (v: { waiting: number; seconds: number }) =>
      `${v.waiting} disk-bound requests are already queued. Try again in ${v.seconds} s.`,
  },
  ADDRESS_IN_USE: {
    status: 500,
    exit: 1,
    say: (v: { host: string; port: number; reason: string }) =>
      `The server cannot listen on ${v.host}:${v.port}: ${v.reason}. Choose another address with --port or --host.`,
  },
  CALIBRATION_REFUSED: {
    status: 422,
    exit: 1,
    say: (v: { reasons: string[] }) =>
      `These runs do not support a keep-rate law: ${v.reasons.join('; ')}. A law needs at least 3 budgets ` +
      'with at least 3 rates each, and the best rate must be neither the lowest nor the highest.',
  },
  BENCHMARK_UNKNOWN: {
    status: 400,
    exit: 2,
    say: (v: { got: string; known: string }) =>
      `"${v.got}" is not a benchmark the ranking has scores for. Known: ${v.known || 'none'}.`,
  },
  SHARD_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { got: string; like?: readonly string[] }) =>
      `"${v.got}" is not a shard of the ranking. ${
        v.like === undefined || v.like.length === 0 ? '' : `Did you mean ${v.like.join(' or ')}? `
      }A shard is named as in the column "shard" of selection.parquet (betr select) or in /documents, or by its id.`,
  },
  DOCUMENT_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { shard: string; row: number }) =>
      `The ranking has no document at row ${v.row} of ${v.shard}: the shard is shorter, or the row was quarantined.`,
  },
  CURSOR_STALE: {
    status: 409,
    exit: 2,
    say: (v: { got: string; now: string }) =>
      `The cursor belongs to generation ${v.got} of the ranking, but the current one is ${v.now}. ` +
      'Start again without a cursor.',
  },
  CLASSIFIER_CHANGED: {
    status: 409,
    exit: 1,
    say: (v: { path: string }) =>
      `${v.path} is not the classifier that made the ranking. Run "betr rank" first.`,
  },
  TEXT_TOO_FAR: {
    status: 503,
    exit: 1,
    say: (v: { shard: string; row: number; seconds: number }) =>
      `Row ${v.row} of ${v.shard} could not be reached within ${v.seconds} s: everything before it must ` +
      'be decompressed first. Request fewer documents; texts already read are kept for a while. ' +
      'Smaller shards make this fast.',
  },
  JOB_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { id: string }) =>
      `There is no job "${v.id}". GET /jobs lists the jobs; only the most recent finished jobs are kept.`,
  },
  JOB_QUEUE_FULL: {
    status: 503,
    exit: 1,
    say: (v: { waiting: number }) =>
      `${v.waiting} jobs are already waiting. Cancel one (DELETE /jobs/ID), or wait until one ends.`,
  },
  JOB_ENDED: {
    status: 409,
    exit: 2,
    say: (v: { id: string; state: string }) => `Job ${v.id} cannot be cancelled: it is already ${v.state}.`,
  },
  JOB_KILLED: {
    status: 500,
    exit: 1,
    say: (v: { how: string }) =>
      `The job's process ended without a result (${v.how}); it may have been killed or have run out of ` +
      'memory. Completed work is kept; start the same job again to continue.',
  },
  JOB_INTERRUPTED: {
    status: 500,
    exit: 1,
    say: (v: { reason: string }) =>
      `The job was interrupted: ${v.reason}. Completed work is kept; start the same job again to continue.`,
  },
} as const;
