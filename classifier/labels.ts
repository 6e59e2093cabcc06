// From scores of the sample to what the classifier learns (BETR, arXiv 2507.12466, section 3: top 10 %
// against the rest). The hard label is what fidelity is measured against. Training uses the same cut softened
// by rank: a document at the cut counts half, one at rank share r counts cut / (cut + r). It tells a near
// miss from the far end and was worth .03 of ROC-AUC (docs/classifier.md).

export const topShare = 0.1;

export interface Labels {
  /** 1 for the best 10 %; ties by the documents' order. */
  top: Uint8Array;
  /** In (0, 1); equal scores are given the middle of their ranks. */
  soft: Float32Array;
}

/**
 * Labels of documents with these scores (higher is better; the documents in the order of their keys).
 * `included` are the documents to be told from the others where the scorer says which; the cut of the
 * softened labels is then their share.
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
