// One benchmark row as one text: question + correct answer + any further field, one to a line (method: BETR, arXiv 2507.12466, section 3).
// It knows the shapes in which benchmarks are published; whatever else comes is for a template in the settings, or is refused with the reason.

export type Row = Readonly<Record<string, unknown>>;
export type ExampleText = { text: string } | { reason: string };

const separator = '\n';

/** Where the question is looked for; the first field that has text is it. */
const questionFields = ['question', 'question_stem', 'query', 'problem', 'prompt', 'goal', 'sentence', 'ctx', 'instruction', 'input', 'premise', 'passage', 'context'];
/** Fields to read before the question, where they are not the question themselves. */
const passageFields = ['passage', 'context', 'article', 'story', 'paragraph', 'premise'];
const answerFields = ['answer', 'correct_answer', 'answers', 'target', 'output', 'response', 'completion', 'canonical_solution', 'solution', 'code', 'final_decision'];
/** Fields to read after the answer, where they are not the answer themselves. */
const supportFields = ['support', 'explanation', 'rationale', 'solution', 'long_answer', 'fact1'];
const plainFields = ['sentence', 'passage'];
const choiceFields = ['choices', 'options', 'endings'];
const goldFields = ['gold', 'answerKey', 'answer_key', 'label', 'answer_index', 'answer_idx', 'answer', 'correct_answer', 'target'];
/** Choices in fields of their own, with the number that the published files give the first. */
const choiceFamilies = [
  { fields: ['sol1', 'sol2'], first: 0 },
  { fields: ['choice1', 'choice2'], first: 0 },
  { fields: ['option1', 'option2'], first: 1 },
  { fields: ['answerA', 'answerB', 'answerC'], first: 1 },
];

/** The text of a row, or why it has none. A `template` ("{question}\n{answer}") overrules everything else. */
export function exampleText(row: Row, template?: string): ExampleText {
  if (template !== undefined) return fillTemplate(row, template);
  const whole = textOf(row['text']);
  if (whole !== undefined) return { text: whole };
  const question = firstField(row, questionFields);
  if (question === undefined) return { reason: `no question: none of text, ${questionFields.join(', ')} has text` };
  const answer = correctAnswer(row);
  // A sentence or a passage by itself is a text.
  if ('reason' in answer) return plainFields.includes(question.field) && readChoices(row) === undefined ? { text: question.text } : answer;
  // Winogrande asks with a gap in the sentence; the choice belongs there.
  if (question.field === 'sentence' && question.text.includes('_')) return { text: question.text.replace(/_+/, () => answer.text) };
  const others = (fields: readonly string[]): string[] => fields.filter((field) => field !== question.field && field !== answer.field).flatMap((field) => textOf(row[field], separator) ?? []);
  return { text: [...others(passageFields), question.text, answer.text, ...others(supportFields)].join(separator) };
}

/** The question of a row alone, for rows whose answers are kept secret; undefined where it has none. */
export function questionText(row: Row): string | undefined {
  return firstField(row, questionFields)?.text;
}

/** Names of the fields in a template's braces. */
export function templateFields(template: string): string[] {
  return [...template.matchAll(/\{([^{}]+)\}/g)].map(([, field]) => field ?? '');
}

function fillTemplate(row: Row, template: string): ExampleText {
  const missing = templateFields(template).find((field) => textOf(row[field]) === undefined);
  if (missing !== undefined) return { reason: `field "${missing}" of the template is missing or empty` };
  return { text: template.replaceAll(/\{([^{}]+)\}/g, (_, field: string) => textOf(row[field]) ?? '').trim() };
}

function correctAnswer(row: Row): { text: string; field: string } | { reason: string } {
  const choices = readChoices(row);
  if (choices === undefined) return firstField(row, answerFields) ?? { reason: `no answer: none of ${answerFields.join(', ')} has text` };
  if (choices.texts.every((text) => text === '')) return { reason: 'no choice has text' };
  const gold = firstField(row, goldFields);
  if (gold === undefined) return { reason: `choices, but no gold: none of ${goldFields.join(', ')} says which is right` };
  const text = pickChoice(choices, gold.text, typeof row[gold.field] === 'number');
  return text === undefined || text === '' ? { reason: `${gold.field} is "${shorten(gold.text)}", which is none of the ${choices.texts.length} choices` } : { text, field: gold.field };
}

interface Choices {
  texts: readonly string[];
  labels: readonly string[];
  /** The number of the first choice. */
  first: number;
}

function readChoices(row: Row): Choices | undefined {
  for (const field of choiceFields) {
    const value = row[field];
    // The hub's ARC, OpenBookQA and CommonsenseQA: {text: […], label: […]}.
    if (isRow(value) && Array.isArray(value['text'])) return { texts: allTexts(value['text']), labels: Array.isArray(value['label']) ? allTexts(value['label']) : [], first: 0 };
    if (Array.isArray(value)) return { texts: allTexts(value), labels: [], first: 0 };
  }
  const family = choiceFamilies.find(({ fields }) => fields.every((field) => textOf(row[field]) !== undefined));
  return family && { texts: family.fields.map((field) => textOf(row[field]) ?? ''), labels: [], first: family.first };
}

/** The choice that `gold` means: by its label, as a number, as the text itself, as a letter, as a number in words of digits. */
function pickChoice({ texts, labels, first }: Choices, gold: string, isNumber: boolean): string | undefined {
  const byNumber = /^\d+$/.test(gold) ? texts[Number(gold) - first] : undefined;
  const letter = /^\(?([A-Za-z])[).]?$/.exec(gold)?.[1]?.toUpperCase().charCodeAt(0);
  const byLetter = letter === undefined ? undefined : texts[letter - 'A'.charCodeAt(0)];
  const byLabel = labels.includes(gold) ? texts[labels.indexOf(gold)] : undefined;
  if (byLabel !== undefined) return byLabel;
  return isNumber ? byNumber : texts.find((text) => text === gold) ?? byLetter ?? byNumber;
}

function firstField(row: Row, fields: readonly string[]): { field: string; text: string } | undefined {
  for (const field of fields) {
    const text = textOf(row[field]);
    if (text !== undefined) return { field, text };
  }
  return undefined;
}

function allTexts(values: readonly unknown[]): string[] {
  return values.map((value) => textOf(value) ?? '');
}

/** The text in a value: a string, a number, yes or no for a boolean, a list's first (all of it with `joiner`), or what an object holds as text; undefined where it is empty. */
function textOf(value: unknown, joiner?: string): string | undefined {
  if (typeof value === 'string') return value.trim() || undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map((item) => textOf(item)).filter((text) => text !== undefined).slice(0, joiner === undefined ? 1 : undefined).join(joiner) || undefined;
  return isRow(value) ? textOf(value['text'] ?? value['value'] ?? value['contexts'], joiner) : undefined;
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
