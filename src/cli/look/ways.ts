import { ForgeError } from "../../errors.ts";
import type { Proxy, StartTls } from "../../probe/index.ts";

/** Protocols of `--starttls`, each with the port that it has by itself. */
const startTlsPorts: Readonly<Record<StartTls, number>> = {
  smtp: 25,
  imap: 143,
  pop3: 110,
  ftp: 21,
  xmpp: 5222,
  "xmpp-server": 5269,
  ldap: 389,
  postgres: 5432,
  mysql: 3306,
};

export const startTlsNames = Object.keys(startTlsPorts) as readonly StartTls[];

/** The port where none is told. */
export function portFor(startTls: StartTls | undefined): number {
  return startTls === undefined ? 443 : startTlsPorts[startTls];
}

/** `http://[user:password@]host:port` or `socks5://…`. Throws ForgeError `usage`, which never shows a password. */
export function parseProxy(text: string): Proxy {
  const refuse = (why: string): ForgeError =>
    new ForgeError("usage", `the value of --proxy ${why}`, {
      hint: "write http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host where a login is needed",
    });
  const url = URL.parse(text);
  if (url === null) throw refuse("is no address");
  const kind = url.protocol === "http:" ? "http" : /^socks5h?:$/.test(url.protocol) ? "socks5" : null;
  if (kind === null) throw refuse(`begins with ${url.protocol}, which is not known here`);
  if (url.hostname === "") throw refuse("names no host");
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "") throw refuse("has a path");
  const user = decoded(url.username);
  const password = decoded(url.password);
  if (Buffer.byteLength(user) > 255 || Buffer.byteLength(password) > 255) throw refuse("has a login that is too long");
  return {
    kind,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port === "" ? (kind === "http" ? 80 : 1080) : url.port),
    login: url.username === "" && url.password === "" ? null : { user, password },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}
