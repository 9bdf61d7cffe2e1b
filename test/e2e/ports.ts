/** Ports of the loopback that tests take. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";

/** A port that somebody else has: ours, until `close`. */
export async function hold(port = 0): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = await hold();
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
