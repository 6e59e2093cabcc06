// Limits the connections per address, so that one client cannot take all of them.

import type { Server } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { ipKeyGenerator } from 'express-rate-limit';

/** Addresses of proxies, whose connections carry many clients. */
export type Proxies = BlockList;

/** Parses addresses and networks such as 10.0.0.0/8; undefined if one is neither. */
export function readProxies(addresses: readonly string[]): Proxies | undefined {
  const list = new BlockList();
  for (const text of addresses) {
    const [address = '', bits] = text.split('/', 2);
    const version = isIP(address);
    if (
      version === 0 ||
      (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
    )
      return undefined;
    list.addSubnet(address, Number(bits ?? (version === 4 ? 32 : 128)), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/**
 * Closes connections beyond `most` from one address, or from one IPv6 network of the size that providers
 * assign to a customer. The returned function counts the closed connections.
 */
export function limitConnections(server: Server, most: number, proxies: Proxies): () => number {
  const open = new Map<string, number>();
  let refused = 0;
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isProxy(proxies, remoteAddress)) return;
    const key = ipKeyGenerator(remoteAddress);
    const count = (open.get(key) ?? 0) + 1;
    if (count > most) {
      refused++;
      socket.destroy();
      return;
    }
    open.set(key, count);
    socket.once('close', () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
  });
  return () => refused;
}

/** Whether an address is one of the proxies. */
export function isProxy(proxies: Proxies, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  const version = isIP(plain);
  return version !== 0 && proxies.check(plain, version === 6 ? 'ipv6' : 'ipv4');
}
