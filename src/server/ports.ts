import { once } from "node:events";
import { createServer, isIP, SocketAddress } from "node:net";
import { splitAddress, type Address } from "../address.ts";
import { ForgeError } from "../errors.ts";
import { portOwner } from "./owner.ts";

/**
 * Whether two addresses `host:port` (IPv6 in brackets) cannot both be listened on: the same however they are written, or one of them stands for
 * every address that the other is among. `[::]` counts as IPv4's too, which it is unless IPv4 is asked for on its own.
 */
export function overlaps(a: string, b: string): boolean {
  const [first, second] = [split(a), split(b)];
  if (first.port !== second.port) return false;
  return first.host === second.host || covers(first.host, second.host) || covers(second.host, first.host);
}

function covers(all: string, host: string): boolean {
  return all === "::" || (all === "0.0.0.0" && isIP(host) !== 6);
}

/** The error code with which an address cannot be listened on; null when it can. */
async function refusedBy(address: string): Promise<string | null> {
  const { host, port } = split(address);
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true, ipv6Only: host.includes(":") && host !== "::" });
    await once(server, "listening");
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  } finally {
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
}

/** Throws `port-in-use` for the first address that another program has; those of `held` are our own. */
export async function refuseTaken(addresses: readonly string[], held: readonly string[]): Promise<void> {
  for (const address of addresses)
    if (!held.some((other) => overlaps(address, other)) && (await refusedBy(address)) === "EADDRINUSE")
      throw await portInUse(address);
}

/** Throws `server-failed` for an address that this machine lacks. */
export async function refuseAbsent(address: string): Promise<void> {
  if ((await refusedBy(address)) === "EADDRNOTAVAIL")
    throw new ForgeError("server-failed", `${address} is no address of this machine`, {
      hint: "give it to an interface first, or choose another in server.listen of the site file",
    });
}

/** The error of an address that another program has, with that program's name where it can be told. */
export async function portInUse(address: string): Promise<ForgeError> {
  const owner = await portOwner(split(address).port);
  return new ForgeError("port-in-use", `${address} is in use${owner === null ? "" : ` by ${owner}`}`, {
    hint: "stop that program, or choose another address in server.listen or server.redirect of the site file",
  });
}

/** Taken apart, with the host in its one spelling. */
function split(address: string): Address {
  const { host, port } = splitAddress(address);
  return { host: canonical(host), port };
}

/** The one spelling of an address; an IPv4 address that is written as IPv6 is IPv4. A zone stays behind it. */
function canonical(host: string): string {
  const [address = "", ...zone] = host.split("%");
  if (isIP(address) !== 6) return host.toLowerCase();
  const text = [new SocketAddress({ address, family: "ipv6" }).address, ...zone].join("%");
  return /^::ffff:([\d.]+)$/.exec(text)?.[1] ?? text;
}
