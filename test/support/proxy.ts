import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** What stands between a bot and its Redis, as a network does. */
export interface RedisProxy {
  /** For REDIS_URL. */
  readonly url: string;
  /** Connections that are open now. */
  readonly open: number;
  /** Connections that were opened so far. */
  readonly opened: number;
  /** From now on nothing comes through, and everything stays open: what is sent is swallowed, new connections too. */
  blackHole(): void;
  /** New connections come through again. Those that the black hole has swallowed stay dead. */
  pass(): void;
  /** Ends every connection. */
  cut(): void;
  /** New connections lead to this server from now on; the open ones stay where they are, as after a failover. */
  lead(server: string): void;
  /** Refuses connections from now on, and ends those that are open. */
  close(): Promise<void>;
}

/** @param server the path of a unix socket */
export async function startProxy(server: string): Promise<RedisProxy> {
  let target = server;
  let isOpaque = false;
  let opened = 0;
  const pairs = new Map<Socket, Socket | null>();
  const accept = (client: Socket) => {
    opened++;
    client.on('error', () => client.destroy());
    client.on('close', () => {
      pairs.get(client)?.destroy();
      pairs.delete(client);
    });
    if (isOpaque) {
      pairs.set(client, null);
      client.resume();
      return;
    }
    const behind = createConnection(target);
    pairs.set(client, behind);
    behind.on('error', () => behind.destroy());
    behind.on('close', () => !isOpaque && client.destroy());
    client.pipe(behind).pipe(client);
  };
  const listener = createServer({ noDelay: true }, accept).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => {
    for (const client of pairs.keys()) client.destroy();
  };
  return {
    url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get open() {
      return pairs.size;
    },
    get opened() {
      return opened;
    },
    blackHole: () => {
      isOpaque = true;
      for (const [client, behind] of pairs) {
        client.unpipe().resume();
        behind?.unpipe().resume();
      }
    },
    pass: () => {
      isOpaque = false;
    },
    cut,
    lead: (server) => {
      target = server;
    },
    close: async () => {
      const closed = new Promise<void>((done) => listener.close(() => done()));
      cut();
      await closed;
    },
  };
}
