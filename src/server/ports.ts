import { once } from "node:events";
import { createServer } from "node:net";
import { ForgeError } from "../errors.ts";
import { portOwner } from "./owner.ts";

/** Whether two addresses `host:port` (IPv6 in brackets) cannot both be listened on: the same, or one of them stands for every address of the port. */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [split(a), split(b)];
  if (first.port !== second.port) return false;
  return first.host === second.host || [first.host, second.host].some((host) => host === "0.0.0.0" || host === "::");
}

/** Whether another socket listens on an address. Any other reason why it cannot be had is the server's to tell. */
export async function isTaken(address: string): Promise<boolean> {
  const { host, port } = split(address);
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true, ipv6Only: host.includes(":") && host !== "::" });
    await once(server, "listening");
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  } finally {
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
}

/** The error of an address that another program has, with that program's name where it can be told. */
export async function portInUse(address: string): Promise<ForgeError> {
  const owner = await portOwner(split(address).port);
  return new ForgeError("port-in-use", `${address} is in use${owner === null ? "" : ` by ${owner}`}`, {
    hint: "stop that program, or choose another address with server.listen in the site file",
  });
}

function split(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
