// Sends what a route answered.

import { Readable } from 'node:stream';
import type { Response } from 'express';
import type { Reply } from './route.ts';

/**
 * Whether the client's `If-None-Match` names this tag. (Express's `fresh` rejects what browsers' fetch
 * sends.)
 */
export function hasTag(known: string | undefined, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return (
    known !== undefined && known.split(',').some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag))
  );
}

/** Sends a reply; returns the text of a JSON reply. */
export function send(reply: Reply, response: Response): string | undefined {
  if (reply === 'sent') return undefined;
  if ('json' in reply) {
    const text = JSON.stringify(reply.json);
    sendText(text, 'application/json', response);
    return text;
  }
  if ('pieces' in reply) {
    response.writeHead(response.statusCode, {
      'Content-Type': `${reply.type}; charset=utf-8`,
      'Content-Length': reply.pieces.reduce((bytes, piece) => bytes + Buffer.byteLength(piece), 0),
    });
    // One piece after the other, as fast as the client reads.
    Readable.from(reply.pieces).pipe(response);
    return undefined;
  }
  sendText(reply.text, reply.type, response);
  return undefined;
}

export function sendText(text: string, type: string, response: Response): void {
  response
    .writeHead(response.statusCode, {
      'Content-Type': `${type}; charset=utf-8`,
      'Content-Length': Buffer.byteLength(text),
    })
    .end(text);
}
