/** An address to listen on, taken apart: the host without brackets, as it was written, and the port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Takes `host:port` apart; an IPv6 address is in brackets (RFC 3986, section 3.2.2). For what the site language has taken. */
export function splitAddress(address: string): Address {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

/** Whether only this machine can reach an address `host:port` (RFC 1122, section 3.2.1.3; RFC 4291, sections 2.5.3 and 2.5.5.2), however it is written. */
export function isLoopback(address: string): boolean {
  const { host } = splitAddress(address);
  if (!host.includes(":")) return host.startsWith("127.") || host === "localhost";
  const { hostname } = new URL(`http://[${host.split("%")[0] ?? ""}]/`);
  return hostname === "[::1]" || hostname.startsWith("[::ffff:7f");
}
