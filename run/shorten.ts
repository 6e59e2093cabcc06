/** The first `most` characters of a text, and "…" for the rest if there is more. */
export function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** The same of a text put on one line: every run of white space becomes a space. */
export function shortenLine(text: string, most: number): string {
  return shorten(text.replaceAll(/\s+/g, ' '), most);
}
