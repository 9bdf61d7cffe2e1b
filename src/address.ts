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
