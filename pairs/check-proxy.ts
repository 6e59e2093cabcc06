// How far a proxy agrees with reference models, on the pairs that both know.

import { type Agreement, compareMeasurements } from './agreement.ts';
import {
  addCheck,
  listMeasurements,
  type MeasuredSet,
  type Measurement,
  type MeasurementCard,
  openMeasurement,
} from './measurement.ts';

/**
 * Compares a proxy with a measurement by reference models on at most `most` pairs, and adds the result to its card.
 * Undefined if there is no such measurement. Errors: those of `openMeasurement`, WRITE_FAILED.
 */
export async function checkProxy(
  set: MeasuredSet,
  proxy: Measurement,
  most: number,
): Promise<MeasurementCard | undefined> {
  const trained = await findTrained(set);
  if (trained === undefined) return undefined;
  const agreement: Agreement = await compareMeasurements(proxy, trained, most);
  return addCheck(set, proxy.card.name, { with: trained.card.name, ...agreement });
}

/** The first measurement by models that were trained, or by log probabilities of such models. */
async function findTrained(set: MeasuredSet): Promise<Measurement | undefined> {
  const found: Measurement[] = [];
  for (const name of await listMeasurements(set)) {
    const measurement = await openMeasurement(set, name).catch(() => undefined);
    if (measurement !== undefined && !measurement.card.proxy) found.push(measurement);
  }
  return found.find(({ card }) => card.method === 'models') ?? found[0];
}
