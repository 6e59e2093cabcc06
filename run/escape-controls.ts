// Makes text from elsewhere safe to print in a terminal.

/** Escapes the characters that control a terminal or the direction of text, such as ESC as \u001b. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
