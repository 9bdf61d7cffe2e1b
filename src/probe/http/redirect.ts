import { ascii, concat, DecodeError, latin1 } from "../../wire/index.ts";
import { describeAnswer } from "../client/answer.ts";
import type { Channel } from "../client/channel.ts";
import { parseHead, printable } from "./http.ts";
import type { Look } from "../look.ts";
import { failed, notApplicable, observed, unknownOf } from "../outcome.ts";
import type { Outcome } from "../types.ts";

/** Headers beyond this are not read. */
const maxHead = 2 ** 16;

/**
 * Probe `redirect`. Needs: nothing. Gives: where plain HTTP on `port` of the same host redirects to (RFC 9110, 15.4), null where it does not.
 * Connections: 1; none where `port` is null.
 */
export async function probeRedirect(look: Look, port: number | null): Promise<Outcome<string | null>> {
  if (port === null)
    return notApplicable(
      `port 80 says nothing about port ${look.target.port}: only what is served on 443 has it beside`,
    );
  const { address, serverName } = look.target;
  const host = hostHeader(serverName || address, port);
  const talked = await look.talkPlain(port, async (channel) => parseHead(await askPlain(channel, host)));
  if (talked.kind === "done") {
    const { status, headers } = talked.value;
    return observed(status >= 300 && status < 400 ? (headers["location"] ?? null) : null);
  }
  if (talked.kind === "skipped") return unknownOf(talked);
  const why = describeAnswer(talked);
  return talked.kind === "unconnected" && why === "ECONNREFUSED"
    ? notApplicable(`nothing listens on port ${port}`)
    : failed(`port ${port}: ${why}`);
}

async function askPlain(channel: Channel, host: string): Promise<string> {
  channel.send(
    ascii(`GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: tlsforge\r\nAccept: */*\r\nConnection: close\r\n\r\n`),
  );
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const more = await channel.receive();
    if (more === null) throw new DecodeError("the connection ended before the headers did");
    bytes = concat(bytes, more);
    const text = latin1(bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return text.slice(0, end);
    if (bytes.length >= 5 && !text.startsWith("HTTP/"))
      throw new DecodeError(`not HTTP but ${printable(text.slice(0, 20))}`);
    if (bytes.length > maxHead) throw new DecodeError(`more than ${maxHead} bytes of headers`);
  }
}

function hostHeader(name: string, port: number): string {
  const host = name.includes(":") ? `[${name}]` : name;
  return port === 80 ? host : `${host}:${port}`;
}
