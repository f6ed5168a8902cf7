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
  /** From now on nothing comes through, and nothing is lost: what is sent waits, new connections too. */
  stall(): void;
  /** Everything comes through again, what has waited first. Connections that a black hole has swallowed stay dead. */
  pass(): void;
  /** Ends every connection. */
  cut(): void;
  /** New connections lead to this server from now on; the open ones stay where they are, as after a failover. */
  lead(server: string): void;
  /** Refuses connections from now on, and ends those that are open. */
  close(): Promise<void>;
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, 'close');
  return port;
}

/** @param server the path of a unix socket */
export async function startProxy(server: string): Promise<RedisProxy> {
  let target = server;
  let isOpaque = false;
  let isStalled = false;
  let opened = 0;
  const pairs = new Map<Socket, Socket | null>();
  /** Opened while nothing came through. */
  const waiting = new Set<Socket>();
  const join = (client: Socket) => {
    const behind = createConnection(target);
    pairs.set(client, behind);
    behind.on('error', () => behind.destroy());
    behind.on('close', () => !isOpaque && client.destroy());
    client.pipe(behind).pipe(client);
  };
  const accept = (client: Socket) => {
    opened++;
    client.on('error', () => client.destroy());
    client.on('close', () => {
      pairs.get(client)?.destroy();
      pairs.delete(client);
      waiting.delete(client);
    });
    pairs.set(client, null);
    if (isOpaque) client.resume();
    else if (isStalled) waiting.add(client);
    else join(client);
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
    stall: () => {
      isStalled = true;
      for (const [client, behind] of pairs) {
        client.unpipe().pause();
        behind?.unpipe().pause();
      }
    },
    pass: () => {
      if (isStalled)
        for (const [client, behind] of pairs) if (behind !== null) client.pipe(behind).pipe(client);
      isOpaque = false;
      isStalled = false;
      for (const client of waiting) join(client);
      waiting.clear();
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
