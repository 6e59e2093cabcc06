// The errors of language models.

export const languageModelErrors = {
  LANGUAGE_MODEL_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { name: string; known: string[] }) =>
      'The settings have no model ' +
      `"${v.name}". ${
        v.known.length === 0
          ? 'Name models under "models:", each with a name and a ' + 'model'
          : `They have: ${v.known.join(', ')}`
      }.`,
  },
  LANGUAGE_MODEL_UNAVAILABLE: {
    status: 502,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The language model ${v.model} cannot be loaded: ${v.reason}. Name a folder with config.json, ` +
      'tokenizer.json, tokenizer_config.json and onnx/, a model of the hub that has ONNX files, or ' +
      'the address of a server.',
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
      `The server at ${v.url} does not have the model "${v.asked}"; it has ${v.known}. Set ` +
      'endpointModel to one that it has.',
  },
  LANGUAGE_MODEL_REFUSED: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} refused a request: ${v.problem}.`,
  },
  LANGUAGE_MODEL_CUT_OFF: {
    status: 502,
    exit: 1,
    say: (v: { url: string; problem: string }) =>
      `The language model at ${v.url} broke off in the middle of an answer: ${v.problem}. Nothing of ` +
      'that answer was used; run the same command again.',
  },
  LANGUAGE_MODEL_ANSWER: {
    status: 502,
    exit: 1,
    say: (v: { model: string; problem: string }) =>
      `The language model ${v.model} gave an answer that cannot be right: ${v.problem}. Nothing of it was used.`,
  },
  LOG_PROBABILITIES_OFF: {
    status: 422,
    exit: 1,
    say: (v: { model: string; reason: string }) =>
      `The language model ${v.model} gives no log probabilities: ${v.reason}. Switch them on at the ` +
      'server, or use a server or a folder that has them.',
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
    say: (v: { problem: string }) => `A question to a language model cannot be asked: ${v.problem}.`,
  },
  LANGUAGE_MODEL_START: {
    status: 422,
    exit: 1,
    say: (v: { model: string; token: string }) =>
      `A prompt for the language model ${v.model} would begin with its beginning token (${v.token}) ` +
      'twice, which makes its answers worthless. Take the token out of the prompt or the chat template.',
  },
} as const;
