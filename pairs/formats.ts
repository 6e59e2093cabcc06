// The shapes in which trainers read preference pairs.

import { parseMessages, type Pair, turnsOf } from './pair.ts';

export const pairFormats = ['trl', 'trl-messages', 'openai', 'axolotl'] as const;
export type PairFormat = (typeof pairFormats)[number];

/** A pair to write, with what was measured. */
export interface WrittenPair extends Pick<Pair, 'id' | 'form' | 'prompt' | 'chosen' | 'rejected' | 'tools'> {
  difficulty: number | null;
  /** Log probabilities under the model that training starts from; null to leave them out. */
  references: { chosen: number; rejected: number } | null;
}

/** The format that keeps pairs as they are. */
export function plainestFormat(conversations: number): PairFormat {
  return conversations === 0 ? 'trl' : 'trl-messages';
}

/** A pair as a row of the format, or the reason why it has no such row. */
export function formatPair(format: PairFormat, pair: WrittenPair): { row: object } | { reason: string } {
  return shapes[format](pair);
}

type Shape = (pair: WrittenPair) => { row: object } | { reason: string };

const shapes: Record<PairFormat, Shape> = {
  trl: (pair) => {
    if (pair.form === 'messages') return { reason: 'it is a conversation, and plain TRL rows are strings' };
    const { prompt, chosen, rejected } = pair;
    return { row: { prompt, chosen, rejected, ...measuredColumns(pair) } };
  },
  'trl-messages': (pair) => ({
    row: {
      ...turns(pair),
      // TRL parses a string; as lists, tools of different shapes could not be columns of one table.
      ...(pair.tools === null ? {} : { tools: pair.tools }),
      ...measuredColumns(pair),
    },
  }),
  openai: (pair) => {
    const { prompt, chosen, rejected } = turns(pair);
    for (const answer of [chosen, rejected])
      if (answer.some(({ role }) => role !== 'assistant' && role !== 'tool'))
        return { reason: 'an answer has a turn of another role than assistant and tool' };
    return {
      row: {
        input: { messages: prompt, ...(pair.tools === null ? {} : { tools: parseTools(pair.tools) }) },
        preferred_output: chosen,
        non_preferred_output: rejected,
      },
    };
  },
  axolotl: (pair) => {
    if (pair.tools !== null) return { reason: 'it has tools' };
    const { prompt, chosen, rejected } = turns(pair);
    const [one, more] = chosen;
    const [other, others] = rejected;
    if (one === undefined || other === undefined || more !== undefined || others !== undefined)
      return { reason: 'an answer has several turns' };
    const all = [...prompt, one, other];
    if (all.some(({ content }) => content === null) || all.some((turn) => 'tool_calls' in turn))
      return { reason: 'a turn calls tools' };
    if (all.some(({ role }) => !axolotlRoles.includes(role)))
      return { reason: 'a turn has another role than system, user, assistant, and tool' };
    const plain = ({ role, content }: (typeof all)[number]): object => ({ role, content });
    return { row: { messages: prompt.map(plain), chosen: plain(one), rejected: plain(other) } };
  },
};

const axolotlRoles = ['system', 'user', 'assistant', 'tool'];

function turns({ form, prompt, chosen, rejected }: WrittenPair): {
  prompt: ReturnType<typeof parseMessages>;
  chosen: ReturnType<typeof parseMessages>;
  rejected: ReturnType<typeof parseMessages>;
} {
  return {
    prompt: turnsOf(form, prompt, 'user'),
    chosen: turnsOf(form, chosen, 'assistant'),
    rejected: turnsOf(form, rejected, 'assistant'),
  };
}

function parseTools(json: string): unknown {
  return JSON.parse(json);
}

/** Columns that TRL ignores, or that train_dpo.py reads. */
function measuredColumns({ id, difficulty, references }: WrittenPair): object {
  return {
    id,
    difficulty,
    ...(references === null
      ? {}
      : { ref_chosen_logps: references.chosen, ref_rejected_logps: references.rejected }),
  };
}
