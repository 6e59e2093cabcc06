// The label whose probability a classifier's score is: "FILE#LABEL" names it, or it is clear which of two labels
// is the better one.

/** Splits "FILE#LABEL"; the label is '' if there is none. */
export function splitLabel(argument: string): { file: string; label: string } {
  const at = argument.lastIndexOf('#');
  return at < 0
    ? { file: argument, label: '' }
    : { file: argument.slice(0, at), label: argument.slice(at + 1) };
}

/** Lowercase names that clearly mean the better of two classes. */
const goodNames = ['hq', 'hi', '1', 'positive', 'label_1'];

/**
 * The index of the requested label, or of the better one of two; undefined if there is none. Names match
 * exactly, or else without fastText's prefix and in any case.
 */
export function chooseLabel(labels: readonly string[], asked: string): number | undefined {
  const plain = labels.map(plainLabel);
  const lowercase = plain.map((label) => label.toLowerCase());
  const found =
    asked !== ''
      ? [labels.indexOf(asked), plain.indexOf(asked), lowercase.indexOf(asked.toLowerCase())]
      : labels.length === 2
        ? goodNames.map((name) => lowercase.indexOf(name))
        : [];
  return found.find((at) => at >= 0);
}

/** Labels for an error message, without fastText's prefix. */
export function showLabels(labels: readonly string[]): string {
  const shown = labels
    .slice(0, 20)
    .map((label) => `"${plainLabel(label)}"`)
    .join(', ');
  return labels.length > 20 ? `${shown} and ${labels.length - 20} more` : shown;
}

function plainLabel(label: string): string {
  return label.replace(/^__label__/, '');
}
