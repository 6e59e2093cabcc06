// Turns scores of the sample into labels (BETR, arXiv 2507.12466, section 3: top 10% against the rest).
// Fidelity is measured against the hard label. Training uses a label softened by rank: a document at the cut
// has label 1/2, one at rank share r has cut / (cut + r). This distinguishes near misses from the worst
// documents and raised ROC-AUC by .03 (docs/classifier.md).

export const topShare = 0.1;

export interface Labels {
  /** 1 for the best 10%; ties keep the documents' order. */
  top: Uint8Array;
  /** In (0, 1); equal scores share their mean rank. */
  soft: Float32Array;
}

/**
 * Labels documents, sorted by key, by their scores (higher is better). `included`, if the targets have it,
 * replaces the best 10% as the positive class; the cut of the soft labels is then its share.
 */
export function labelDocuments(scores: Float64Array, included?: Uint8Array): Labels {
  const documents = scores.length;
  const order = new Uint32Array(documents);
  for (let i = 0; i < documents; i++) order[i] = i;
  order.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  const top = included ?? new Uint8Array(documents);
  if (included === undefined)
    for (const document of order.subarray(0, Math.round(documents * topShare))) top[document] = 1;
  const cut = included === undefined ? topShare : included.reduce((sum, one) => sum + one, 0) / documents;
  const soft = new Float32Array(documents);
  for (let start = 0; start < documents;) {
    let end = start + 1;
    while (end < documents && scores[order[end] ?? 0] === scores[order[start] ?? 0]) end++;
    const share = (start + end) / 2 / documents;
    for (const document of order.subarray(start, end)) soft[document] = cut / (cut + share);
    start = end;
  }
  return { top, soft };
}
