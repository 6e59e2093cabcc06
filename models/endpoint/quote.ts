// A server's words as errors and the terminal may show them. Servers may send back the key of the request or
// characters that control a terminal.

import { showPath } from '../../run/address.ts';
import { escapeControls } from '../../run/escape-controls.ts';

/** Quotes at most `most` characters of a server's words, on one line. */
export type Quote = (text: string, most?: number) => string;

/** More text than is ever shown. Cut only after secrets are hidden, so that no part of one is left. */
const charactersRead = 10_000;
/** Shorter values in a query are versions and switches, and common in other words. */
const shortestSecret = 6;

/** The key to send: the first environment variable that is not empty. */
export function findKey(names: readonly string[]): string | undefined {
  return names.map((name) => process.env[name]?.trim()).find((value) => value !== undefined && value !== '');
}

/** A quote that hides the key, also as base64, and the query of the address. */
export function quoteFrom(url: string, key: string | undefined): Quote {
  const { search = '', searchParams = [] } = URL.canParse(url) ? new URL(url) : {};
  const values = Array.from(searchParams, ([, value]) => value);
  const secrets = [
    ...(key === undefined ? [] : [key, JSON.stringify(key).slice(1, -1), encodeBase64(key)]),
    ...[search.slice(1), ...values, ...values.map(encodeURIComponent)].filter(
      (text) => text.length >= shortestSecret,
    ),
  ].sort((a, b) => b.length - a.length);
  return (text, most = 300) => {
    let shown = text.replaceAll(url, showPath(url));
    for (const secret of secrets) shown = shown.replaceAll(secret, '***');
    return escapeControls(shown.slice(0, charactersRead).replace(/\s+/g, ' ').trim()).slice(0, most);
  };
}

function encodeBase64(text: string): string {
  return Buffer.from(text).toString('base64').replaceAll('=', '');
}
