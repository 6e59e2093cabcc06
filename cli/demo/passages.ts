// Cuts long texts into documents of a few paragraphs, at blank lines if there are any and otherwise between
// sentences.

const betweenSentences = /(?<=[.!?]["')\]]?)\s+(?=["'(]?[A-Z0-9])/;

/**
 * The text in pieces of about `characters`, each of complete paragraphs or sentences; a short remainder
 * joins the last piece.
 */
export function cutPassages(text: string, characters: number): string[] {
  const passages: string[] = [];
  let passage = '';
  for (const { piece, separator } of listPieces(text, characters)) {
    if (passage.length > 0 && passage.length + piece.length > 1.25 * characters) {
      passages.push(passage);
      passage = '';
    }
    passage += `${passage === '' ? '' : separator}${piece}`;
  }
  const last = passages.at(-1);
  if (last !== undefined && passage.length < characters / 4)
    passages[passages.length - 1] = passage === '' ? last : `${last}\n\n${passage}`;
  else if (passage !== '') passages.push(passage);
  return passages;
}

/** Paragraphs, long ones split into sentences, each with the separator that precedes it within a passage. */
function* listPieces(text: string, characters: number): Generator<{ piece: string; separator: string }> {
  for (const paragraph of text.split(/\n[^\S\n]*\n\s*/)) {
    const whole = paragraph.trimEnd();
    if (whole.trim() === '') continue;
    if (whole.length <= 1.25 * characters) {
      yield { piece: whole, separator: '\n\n' };
      continue;
    }
    for (const [number, sentence] of whole.split(betweenSentences).entries())
      yield { piece: sentence, separator: number === 0 ? '\n\n' : ' ' };
  }
}
