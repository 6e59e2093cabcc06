// Reads a range of a remote file as a stream that survives broken connections: it resumes at the same byte,
// in the same version of the file.

import { countAttempts } from './retry.ts';
import { type FileRange, RemoteProblem } from './store.ts';
import { openStore } from './open.ts';

/** A connection without data for this long is closed. */
const silenceMs = 60_000;

/**
 * Yields the bytes [start, end) of a file of `fileBytes`. Errors: REMOTE_NOT_FOUND, SHARD_CHANGED,
 * REMOTE_DENIED, REMOTE_FAILED.
 */
export async function* readRange(
  url: string,
  { start, end, fileBytes }: FileRange,
): AsyncGenerator<Uint8Array> {
  const store = await openStore(url);
  const attempts = countAttempts(url);
  let at = start;
  let etag: string | undefined;
  while (at < end) {
    const watch = watchSilence();
    try {
      const body = await store.open(url, { start: at, end, fileBytes }, etag, watch.signal);
      if (at > start && body.etag !== etag) throw new RemoteProblem('changed', 'the file has been replaced');
      etag = body.etag;
      let promised = body.bytes;
      for await (const piece of body.pieces) {
        watch.heard();
        promised -= piece.length;
        if (promised < 0)
          throw new RemoteProblem(
            'lasting',
            `the server sent more than the ${body.bytes} bytes it announced`,
          );
        const wanted = piece.length <= end - at ? piece : piece.subarray(0, end - at);
        at += wanted.length;
        if (wanted.length > 0) {
          attempts.progressed();
          yield wanted;
        }
        watch.heard();
        // Without range support the rest of the file would follow.
        if (at === end && promised > 0) break;
      }
      if (at < end && promised > 0)
        throw new RemoteProblem('passing', `the connection ended ${promised} bytes early`);
    } catch (error) {
      await attempts.failed(
        watch.signal.aborted
          ? new RemoteProblem('passing', `no data arrived for ${silenceMs / 1000} s`)
          : error,
      );
    } finally {
      watch.end();
    }
  }
}

/** A signal that aborts a silent connection; `heard` restarts the timer. */
function watchSilence(): { signal: AbortSignal; heard(): void; end(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), silenceMs);
  return {
    signal: controller.signal,
    heard: () => void timer.refresh(),
    end() {
      clearTimeout(timer);
      controller.abort();
    },
  };
}
