import { isIP, isIPv4 } from "node:net";
import { ascii, concat, uint, vector } from "../../wire/index.ts";
import type { Channel } from "../client/channel.ts";
import type { Proxy } from "../types.ts";
import { blocked, createPlainReader, lost, quoted, withFirst, type PlainReader } from "./plain-reader.ts";

/** Asks a proxy for a connection to the target, by name where it has one. Throws ChannelError like every way. */
export async function throughProxy(
  channel: Channel,
  of: { readonly proxy: Proxy; readonly host: string; readonly port: number },
): Promise<Channel> {
  const reader = createPlainReader(channel);
  await (of.proxy.kind === "http" ? connectHttp : connectSocks)(reader, of);
  return withFirst(channel, reader.rest());
}

type Asked = Parameters<typeof throughProxy>[1];

/** RFC 9110, 9.3.6. */
async function connectHttp(reader: PlainReader, { proxy, host, port }: Asked): Promise<void> {
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const login = proxy.login === null ? "" : `Proxy-Authorization: Basic ${basic(proxy.login)}\r\n`;
  reader.say(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`);
  // What is no HTTP is not waited for to end.
  const head = await reader.until(/^(?!HTTP\/)[^]{5}|\r?\n\r?\n/);
  const statusLine = head.split(/\r?\n/)[0] ?? "";
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(statusLine)?.[1];
  if (status === undefined) throw blocked(`the proxy does not speak HTTP: ${quoted(statusLine)}`);
  if (status.startsWith("2")) return;
  const why = `the proxy answered ${quoted(statusLine)}`;
  throw status.startsWith("5") ? lost(why) : blocked(why);
}

function basic({ user, password }: { user: string; password: string }): string {
  return Buffer.from(`${user}:${password}`, "utf8").toString("base64");
}

const socksReplies: readonly string[] = [
  "granted",
  "general failure",
  "not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "time to live expired",
  "command not supported",
  "address type not supported",
];

/** RFC 1928, and RFC 1929 for the login. */
async function connectSocks(reader: PlainReader, { proxy, host, port }: Asked): Promise<void> {
  reader.send(Uint8Array.of(5, ...vector(1, Uint8Array.from(proxy.login === null ? [0] : [0, 2]))));
  const [version, method] = await reader.bytes(2);
  if (version !== 5) throw blocked("the proxy does not speak SOCKS 5");
  if (method === 2 && proxy.login !== null) await logIn(reader, proxy.login);
  else if (method !== 0) throw blocked("the SOCKS proxy takes none of the ways to log in that were offered");
  reader.send(concat(Uint8Array.of(5, 1, 0), socksAddress(host), uint(2, port)));
  const [, reply = 1, , kind] = await reader.bytes(4);
  if (reply !== 0) {
    const why = `the SOCKS proxy answered: ${socksReplies[reply] ?? `reply ${reply}`}`;
    throw [2, 7, 8].includes(reply) ? blocked(why) : lost(why);
  }
  const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await reader.bytes(1))[0] ?? 0);
  await reader.bytes(length + 2);
}

async function logIn(reader: PlainReader, { user, password }: { user: string; password: string }): Promise<void> {
  reader.send(concat(Uint8Array.of(1), vector(1, utf8(user)), vector(1, utf8(password))));
  const [, status] = await reader.bytes(2);
  if (status !== 0) throw blocked("the SOCKS proxy refuses this user and password");
}

function socksAddress(host: string): Uint8Array {
  if (isIP(host) === 0) return concat(Uint8Array.of(3), vector(1, ascii(host)));
  if (isIPv4(host)) return Uint8Array.of(1, ...host.split(".").map(Number));
  return concat(Uint8Array.of(4), addressBytes6(host));
}

/** The 16 bytes of an IPv6 address. */
function addressBytes6(host: string): Uint8Array {
  const written = new URL(`http://[${host.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
  const [left = "", right] = written.split("::");
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(left), words(right ?? "")];
  const zeros = Array.from({ length: right === undefined ? 0 : 8 - before.length - after.length }, () => 0);
  return concat(...[...before, ...zeros, ...after].map((word) => uint(2, word)));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
