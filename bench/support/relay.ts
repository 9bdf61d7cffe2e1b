/** A relay on loopback that counts what passes through it. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";

export interface Counted {
  connections: number;
  bytes: number;
}

export interface Relay {
  readonly port: number;
  readonly counted: Counted;
  readonly close: () => void;
}

/** Listens on a free port and passes every connection on to `port` of 127.0.0.1. */
export async function startRelay(port: number): Promise<Relay> {
  const counted: Counted = { connections: 0, bytes: 0 };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    counted.connections += 1;
    const upstream = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on("data", (chunk: Buffer) => {
        counted.bytes += chunk.length;
        to.write(chunk);
      });
      from.on("end", () => to.end());
      // A side that is reset takes the other with it, as without a relay.
      from.on("error", () => to.resetAndDestroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, counted, close: () => server.close() };
}
