// The errors of language models.

export const languageModelErrors = {
  LANGUAGE_MODEL_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { name: string; known: string[] }) =>
      `The settings have no model "${v.name}". ${
        v.known.length === 0
          ? 'List models under "models:", each with a name and a model'
          : `They have: ${v.known.join(', ')}`
      }.`,
  },
  LANGUAGE_MODEL_UNAVAILABLE: {
    status: 502,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The language model ${v.model} cannot be loaded: ${v.reason}. Set "model" to a folder with ` +
      'config.json, tokenizer.json, tokenizer_config.json and onnx/, to a model on the hub with ONNX files, to the ' +
      'address of a server, to a list of addresses or {servers: FOLDER}, to batch (answers through files), or to ' +
      'dummy (random answers, for dry runs).',
  },
  LANGUAGE_MODEL_UNREACHABLE: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} does not answer: ${v.problem}. Check that the server is running ` +
      'and that the address is right, then run the same command again.',
  },
  LANGUAGE_MODEL_KEY: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string; variables: string }) =>
      `The language model at ${v.url} refuses access: ${v.problem}. The key is read from ${v.variables}.`,
  },
  LANGUAGE_MODEL_NAME: {
    status: 502,
    exit: 2,
    say: (v: { url: string; asked: string; known: string }) =>
      (v.asked === ''
        ? `The server at ${v.url} has several models: ${v.known}. Set `
        : `The server at ${v.url} does not have the model "${v.asked}"; it has ${v.known}. Set `) +
      'endpointModel to one of its models.',
  },
  LANGUAGE_MODEL_DIFFERS: {
    status: 502,
    exit: 2,
    say: (v: { model: string; url: string; other: string; differences: string }) =>
      `The servers of "${v.model}" must all serve the same model, but the one at ${v.url} differs from the ` +
      `one at ${v.other}: ${v.differences}. Remove one of them, or start it with the same model.`,
  },
  LANGUAGE_MODEL_NO_SERVER: {
    status: 502,
    exit: 1,
    say: (v: { model: string; place: string; seconds: number; reasons: string }) =>
      `No server of "${v.model}" (${v.place}) answered within ${v.seconds} s` +
      `${v.reasons === '' ? '' : ` (${v.reasons})`}. Start one and run the same command again, or raise ` +
      'models[].waitSeconds.',
  },
  LANGUAGE_MODEL_NAME_MISSING: {
    status: 422,
    exit: 2,
    say: (v: { model: string }) =>
      `Requests in a file must name their model, but the model "${v.model}" has no endpointModel in the settings. ` +
      'Set it to the name that the server or "vllm run-batch" is started with.',
  },
  LANGUAGE_MODEL_REFUSED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} refused a request: ${v.problem}.`,
  },
  LANGUAGE_MODEL_FAILED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} does not work: ${v.problem}. Check the server, then run the same command ` +
      'again; what it answered is kept.',
  },
  LANGUAGE_MODEL_CUT_OFF: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} sent an incomplete answer: ${v.problem}. The answer was not ` +
      'used; run the same command again.',
  },
  LANGUAGE_MODEL_ANSWER: {
    status: 502,
    exit: 1,
    say: (v: { model: string; problem: string }) =>
      `The language model ${v.model} gave an invalid answer: ${v.problem}. The answer was not used.`,
  },
  LOG_PROBABILITIES_OFF: {
    status: 422,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The language model ${v.model} returns no log probabilities: ${v.reason}. Enable them at the ` +
      'server, or use a server or a model folder that supports them.',
  },
  LANGUAGE_MODEL_CANNOT: {
    status: 422,
    exit: 1,
    say: (v: { model: string; what: string; reason: string }) =>
      `The language model ${v.model} cannot ${v.what}: ${v.reason}.`,
  },
  LANGUAGE_MODEL_QUESTION: {
    status: 422,
    exit: 1,
    say: (v: { problem: string }) => `A question does not fit the language model: ${v.problem}.`,
  },
  LANGUAGE_MODEL_START: {
    status: 422,
    exit: 1,
    say: (v: { model: string; token: string }) =>
      `A prompt for the language model ${v.model} would have two BOS tokens (${v.token}), ` +
      'which makes its answers useless. Remove the token from the prompt or the chat template.',
  },
} as const;
