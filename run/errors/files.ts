// Errors of files, local and remote.

export const filesErrors = {
  FILE_NOT_FOUND: {
    status: 404,
    exit: 1,
    say: (v: { path: string; what: string; relativeTo?: string }) =>
      `${v.what} ${v.path} does not exist. Check the path; relative paths are relative ` +
      `to ${v.relativeTo ?? 'the settings file'}.`,
  },
  REMOTE_NOT_FOUND: {
    status: 404,
    exit: 1,
    say: (v: { url: string; reason: string }) =>
      `There is nothing at ${v.url} (${v.reason}). ${
        /^https?:.*\*/.test(v.url)
          ? 'A web server does not list its files: name each file, or use a range such as {00..15}.'
          : 'Check the address.'
      }`,
  },
  NO_FILES: {
    status: 422,
    exit: 1,
    say: (v: { what: string; patterns: string }) =>
      `No file matches ${v.what}: ${v.patterns}. Check the pattern; relative patterns are relative to the ` +
      'settings file.',
  },
  FILE_KIND_UNKNOWN: {
    status: 422,
    exit: 1,
    say: (v: { path: string; isFolder?: boolean }) =>
      v.isFolder === true
        ? `${v.path} is a folder. Name the files in it with a pattern, such as ${v.path}/**/*.jsonl.zst.`
        : `${v.path} is not a supported file format. Supported endings: .jsonl, .ndjson, .json, and .parquet, ` +
          'and for benchmarks .csv and .tsv; all but .parquet may be followed by .gz, .zst, or .zstd.',
  },
  FILE_UNREADABLE: {
    status: 500,
    exit: 1,
    say: (v: { path: string; reason: string }) =>
      `${v.path} cannot be read: ${v.reason}. None of it was used; repair or remove the file and run ` +
      'the same command again.',
  },
  FILE_DAMAGED: {
    status: 500,
    exit: 1,
    say: (v: { path: string; reason: string; command: string }) =>
      `${v.path} is damaged: ${v.reason}. Run "${v.command}" to recreate it.`,
  },
  COLUMN_MISSING: {
    status: 422,
    exit: 1,
    say: (v: { path: string; column: string; columns: string }) =>
      `${v.path} has no column "${v.column}"; it has ${v.columns}. Set corpus.fields in the settings.`,
  },
  COLUMN_TYPE: {
    status: 422,
    exit: 1,
    say: (v: { path: string; column: string; type: string }) =>
      `Column "${v.column}" of ${v.path} has type ${v.type}, which this field does not support. Text must ` +
      'be VARCHAR or BLOB, token counts must be numbers, and keys and sources simple values; set ' +
      'corpus.fields in the settings.',
  },
  DISK_FULL: {
    status: 507,
    exit: 1,
    say: (v: { path: string }) =>
      `No space is left for ${v.path}. No partial file was kept; free some space and run the same command again.`,
  },
  OUT_NOT_EMPTY: {
    status: 409,
    exit: 2,
    say: (v: { path: string; found: string }) =>
      `${v.path} contains something other than an earlier selection (${v.found}) and was not changed. ` +
      'Choose a new or empty folder.',
  },
  SHARD_CHANGED: {
    status: 409,
    exit: 1,
    say: (v: { path: string }) =>
      `${v.path} has changed or disappeared since it was planned or ranked. Run "betr rank" once it is complete.`,
  },
  SHARDS_FAILED: {
    status: 422,
    exit: 1,
    say: (v: { problems: string[] }) =>
      `${v.problems.length === 1 ? '1 shard' : `${v.problems.length} shards`} cannot be ranked; the scores of ` +
      `the other shards are kept:\n${listed(v.problems)}`,
  },
  PLAN_STALE: {
    status: 409,
    exit: 1,
    say: (v: { path: string; command: string }) =>
      `${v.path} was made with a different scorer or different settings. Run "${v.command}".`,
  },
  CHUNKS_LEFT: {
    status: 409,
    exit: 1,
    say: (v: { left: number; chunks: number; reasons: string[]; command: string }) =>
      `${v.left} of the plan's ${v.chunks} chunks are not scored yet:\n${listed(v.reasons)}\nRun ` +
      `"${v.command}" to score them, or "betr work" on any number of machines until none are left.`,
  },
  PARTS_DAMAGED: {
    status: 500,
    exit: 1,
    say: (v: { problems: string[] }) =>
      `${v.problems.length === 1 ? '1 part' : `${v.problems.length} parts`} of the scores cannot be ` +
      `used:\n${listed(v.problems)}\nThese files were removed. Run "betr rank" to score only ` +
      'their documents again.',
  },
  SLURM_FAILED: {
    status: 502,
    exit: 1,
    say: (v: { reason: string }) =>
      `Slurm rejected the job: ${v.reason}. Run this where sbatch works; --dry-run prints what would be submitted.`,
  },
  WORKERS_LOST: {
    status: 500,
    exit: 1,
    say: (v: { count: number; reason: string }) =>
      `${v.count === 1 ? '1 worker' : `${v.count} workers`} stopped before finishing (the last: ` +
      `${v.reason}). Completed scores are kept; give the workers more memory or use fewer of them, and ` +
      'run the same command again.',
  },
  ZSTD_MISSING: {
    status: 500,
    exit: 1,
    say: (v: { node: string }) =>
      `Node ${v.node} cannot write Zstandard without the optional package zstd-napi, which is not ` +
      'installed. Install it (npm install zstd-napi, which needs a C++ compiler), or use Node 22.15 or later.',
  },
  WRITE_FAILED: {
    status: 500,
    exit: 1,
    say: (v: { path: string; reason: string }) => `${v.path} cannot be written: ${v.reason}.`,
  },
  OUTPUT_FAILED: {
    status: 500,
    exit: 1,
    say: (v: { output: string; reason: string }) =>
      `${v.output} cannot be written: ${v.reason}. The output is incomplete; free some space or redirect ` +
      'the output, and run the same command again.',
  },
  OPEN_FILES_LIMIT: {
    status: 500,
    exit: 1,
    say: (v: { limit: number; least: number }) =>
      `This process may have only ${v.limit} files open, but betr needs ${v.least}. Raise the ` +
      'limit (ulimit -n 1024) and run the same command again.',
  },
  MEMORY_SHORT: {
    status: 503,
    exit: 1,
    say: (v: { reason: string }) =>
      `There is not enough memory: ${v.reason}. Give the process more memory, or use fewer workers. ` +
      'If the address space is limited (ulimit -v), raise that limit, or set ' +
      'NODE_OPTIONS=--disable-wasm-trap-handler; without it Node reserves 10 GB of address space for ' +
      'every WebAssembly memory.',
  },
  INTERNAL: {
    status: 500,
    exit: 70,
    say: (v: { reason: string }) => `This is a bug in betr, not in your data: ${v.reason}`,
  },
  REMOTE_DENIED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; reason: string }) =>
      `Access to ${v.url} was denied (${v.reason}). ${
        /^https?:/.test(v.url)
          ? 'betr sends no credentials to web servers: use a signed address, or the s3:// address of the file.'
          : 'Provide credentials with the usual environment variables (AWS_PROFILE, ' +
            'AWS_ACCESS_KEY_ID, …) or files (~/.aws), or set BETR_S3_UNSIGNED=1 for a public bucket.'
      }`,
  },
  REMOTE_FAILED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; reason: string; attempts: number; mayPass: boolean }) =>
      `${v.url} failed after ${v.attempts} attempt${v.attempts === 1 ? '' : 's'}: ${v.reason}. ${
        v.mayPass
          ? 'Completed work is kept; run the same command again once the server responds.'
          : 'Retrying will not help: fix this, or use another address or a copy of the file.'
      }`,
  },
} as const;

/** The first ten problems, one on each line. */
function listed(problems: readonly string[]): string {
  return `${problems
    .slice(0, 10)
    .map((problem) => `  - ${problem}`)
    .join('\n')}${problems.length > 10 ? `\n  - and ${problems.length - 10} more` : ''}`;
}
