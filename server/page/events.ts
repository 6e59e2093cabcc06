// Reads server-sent events with fetch, because the browser's EventSource cannot send an API key.

import { send } from './ask.ts';

export interface ServerEvent {
  event: string;
  /** The parsed JSON. */
  data: unknown;
}

/** The events of a stream, until it ends. Throws a Problem if the stream cannot be opened. */
export async function* readEvents(path: string): AsyncGenerator<ServerEvent, undefined> {
  const { body } = await send(path);
  if (body === null) return;
  let held = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const blocks = (held + part.value).split('\n\n');
    held = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n');
      const valueOf = (field: string): string | undefined =>
        lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
      const data = valueOf('data');
      if (data !== undefined) yield { event: valueOf('event') ?? 'message', data: JSON.parse(data) };
    }
  }
}
