import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Runs `use` beside a relay to a port of this machine; of some connections, by their number, not a byte passes. */
export async function withLoss<T>(
  of: { readonly port: number; readonly isLost: (connection: number) => boolean },
  use: (port: number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  let count = 0;
  const relay = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.on("error", () => client.destroy());
    client.once("close", () => sockets.delete(client));
    if (of.isLost(count++)) return void client.resume();
    const server = connect({ port: of.port, host: "127.0.0.1", noDelay: true });
    server.on("error", () => client.destroy());
    client.once("close", () => server.destroy());
    client.pipe(server).pipe(client);
  });
  return beside(relay, sockets, use);
}

/** Runs `use` beside a relay to a port of this machine that keeps all that the server says for a while. */
export async function withDelay<T>(
  of: { readonly port: number; readonly delayMs: number },
  use: (port: number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  const relay = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: of.port, host: "127.0.0.1", noDelay: true });
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => sockets.delete(socket));
    }
    client.pipe(server);
    client.once("close", () => server.destroy());
    server.on("data", (chunk: Buffer) => void sleep(of.delayMs).then(() => client.destroyed || client.write(chunk)));
    server.once("end", () => void sleep(of.delayMs).then(() => client.end()));
  });
  return beside(relay, sockets, use);
}

/** Runs `use` with the relay's port, then closes it and what is left of its connections. */
async function beside<T>(relay: Server, sockets: ReadonlySet<Socket>, use: (port: number) => Promise<T>): Promise<T> {
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  try {
    return await use((relay.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    relay.close();
    await once(relay, "close");
  }
}
