// Errors of the server and its jobs.

export const serverErrors = {
  PARAMETER_UNKNOWN: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; known: string }) =>
      `There is no parameter "${v.parameter}" here. Known: ${v.known || 'none'}.`,
  },
  PARAMETER_MISSING: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; allowed: string }) =>
      `The parameter ${v.parameter} is missing. It has to be ${v.allowed}.`,
  },
  PARAMETER_REPEATED: {
    status: 400,
    exit: 2,
    say: (v: { parameter: string; got: string[] }) =>
      `${v.parameter} is given more than once (${v.got.join(', ')}). Give it once.`,
  },
  BODY_INVALID: {
    status: 400,
    exit: 2,
    say: (v: { problems: string[] }) =>
      `The request's body is not what this route takes: ${v.problems.join('; ')}. /docs says what it has to be.`,
  },
  BODY_KIND: {
    status: 415,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The request's body is of type "${v.got}", but it has to be ${v.allowed}. Set the header Content-Type.`,
  },
  BODY_TOO_LARGE: {
    status: 413,
    exit: 2,
    say: (v: { limitBytes: number }) =>
      `The request's body is larger than the ${v.limitBytes} bytes that this route takes. Send less at a time.`,
  },
  NOT_ACCEPTABLE: {
    status: 406,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The header Accept asks for "${v.got}", but this route gives ${v.allowed}.`,
  },
  ROUTE_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { method: string; path: string }) =>
      `There is nothing at ${v.method} ${v.path}. /docs lists what there is.`,
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    exit: 2,
    say: (v: { method: string; path: string; allowed: string }) =>
      `${v.path} does not take ${v.method}, but ${v.allowed}.`,
  },
  HOST_REFUSED: {
    status: 421,
    exit: 2,
    say: (v: { got: string; allowed: string }) =>
      `The request is for the host "${v.got}", and this server answers for ${v.allowed} only. Name ` +
      'another with betr serve --allow-host.',
  },
  SITE_REFUSED: {
    status: 403,
    exit: 2,
    say: (v: { got: string }) =>
      `A browser sent this request for a page of another site (Sec-Fetch-Site: ${v.got}). Other sites ` +
      `may only link to / and /docs. Ask from this server's own page, or from a program.`,
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    exit: 2,
    say: (v: { bytes: number; most: number }) =>
      `The request's address and header lines have ${v.bytes} bytes, and at most ${v.most} are taken. ` +
      'Send fewer or shorter ones.',
  },
  KEY_MISSING: {
    status: 401,
    exit: 2,
    say: (v: { kind: string }) =>
      `This server asks for an API key of kind "${v.kind}". Send it as "Authorization: Bearer KEY"; ` +
      `"betr serve --new-key ${v.kind}" makes one.`,
  },
  KEY_REFUSED: {
    status: 403,
    exit: 2,
    say: (v: { kind: string }) =>
      `The API key is not one of kind "${v.kind}", which this request needs. "betr serve ` +
      `--new-key ${v.kind}" makes one.`,
  },
  KEYS_NEEDED: {
    status: 500,
    exit: 2,
    say: (v: { host: string; keys: string }) =>
      `On ${v.host} others can reach this server, and there is no API key in ${v.keys}. Make one with ` +
      '"betr serve --new-key read", or serve on 127.0.0.1.',
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
      `More than ${v.perMinute} requests a minute came from this address. Wait ${v.seconds} s.`,
  },
  BUSY: {
    status: 503,
    exit: 1,
    say: (v: { waiting: number; seconds: number }) =>
      `${v.waiting} requests that need the disk are waiting already. Try again in ${v.seconds} s.`,
  },
  ADDRESS_IN_USE: {
    status: 500,
    exit: 1,
    say: (v: { host: string; port: number; reason: string }) =>
      `The server cannot listen on ${v.host}:${v.port}: ${v.reason}. Name another with --port or --host.`,
  },
  CALIBRATION_REFUSED: {
    status: 422,
    exit: 1,
    say: (v: { reasons: string[] }) =>
      `These runs cannot carry a keep-rate law: ${v.reasons.join('; ')}. It takes at least 3 budgets ` +
      'with at least 3 rates each, among which the best is neither the lowest nor the highest.',
  },
  BENCHMARK_UNKNOWN: {
    status: 400,
    exit: 2,
    say: (v: { got: string; known: string }) =>
      `"${v.got}" is no benchmark that the ranking has scores for. Known: ${v.known || 'none'}.`,
  },
  SHARD_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { got: string }) =>
      `"${v.got}" is no shard of the ranking. Name one by its name in the ranking or by its id, as ` +
      '/documents lists them; a path is neither.',
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
      `The cursor belongs to generation ${v.got} of the ranking, and the one published now is ${v.now}. ` +
      'Start again without a cursor.',
  },
  CLASSIFIER_CHANGED: {
    status: 409,
    exit: 1,
    say: (v: { path: string }) =>
      `${v.path} is not the classifier that the ranking was made with. Run "betr rank" first.`,
  },
  TEXT_TOO_FAR: {
    status: 503,
    exit: 1,
    say: (v: { shard: string; row: number; seconds: number }) =>
      `Row ${v.row} of ${v.shard} could not be reached within ${v.seconds} s: to read it, all before it ` +
      'has to be decompressed. Ask again for fewer documents; what was read is kept for a while. ' +
      'Smaller shards make this fast.',
  },
  JOB_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { id: string }) =>
      `There is no job "${v.id}". GET /jobs lists those there are; only the most recent finished jobs are kept.`,
  },
  JOB_QUEUE_FULL: {
    status: 503,
    exit: 1,
    say: (v: { waiting: number }) =>
      `${v.waiting} jobs are waiting already. Cancel one (DELETE /jobs/ID), or wait for one to end.`,
  },
  JOB_ENDED: {
    status: 409,
    exit: 2,
    say: (v: { id: string; state: string }) => `Job ${v.id} cannot be cancelled: it is ${v.state} already.`,
  },
  JOB_KILLED: {
    status: 500,
    exit: 1,
    say: (v: { how: string }) =>
      `The job's process ended without a result (${v.how}), as when it is killed or runs out of memory. ` +
      'What it had finished is kept; start the same job again and it goes on from there.',
  },
  JOB_INTERRUPTED: {
    status: 500,
    exit: 1,
    say: (v: { reason: string }) =>
      `The job was interrupted: ${v.reason}. What it had finished is kept; start the same job again and ` +
      'it goes on from there.',
  },
} as const;
