import type { ModelSettings } from '../../run/settings.ts';
import type { LanguageModel } from '../language-model.ts';
export function openEndpointModel(_settings: ModelSettings): Promise<LanguageModel> { throw new Error('x'); }
