import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";

import { concat, hex } from "../../wire/index.ts";
import type { Datagrams, Look } from "../look.ts";
import { failed, notApplicable, observed, unknownOf, untestable } from "../outcome.ts";
import type { Http3Seen, HttpSeen, Outcome } from "../types.ts";

/** Null where the port is closed. */
type Versions = Http3Seen["versions"];

/**
 * Probe `quic`. Needs: nothing. Gives: the versions of QUIC that the target names on the UDP port of the same number; null where that is closed. One
 * datagram, no connection: a server should answer a version that is reserved for this with those that it knows, and may limit how often it does
 * (RFC 9000, 5.2.2, 6.1 and 15), so that silence says nothing.
 */
export async function probeQuic(look: Look): Promise<Outcome<Versions>> {
  if (look.startTls !== null) return notApplicable("HTTP/3 is about HTTP");
  if (look.isProxied) return untestable("the proxy carries no datagrams");
  const ms = Math.min(1000, Math.max(300, 3 * (look.roundTripMs() ?? 0)));
  const { address, port } = look.target;
  const question = versionQuestion(look.random(17));
  const talked = await look.datagram((of) => exchange(question, { ...of, address, port, ms: Math.min(ms, of.leftMs) }));
  return talked.kind === "done" ? talked.value : unknownOf(talked);
}

/** The same with what the HTTP answer says (RFC 7838). */
export function http3Of(quic: Outcome<Versions>, http: Outcome<HttpSeen>): Outcome<Http3Seen> {
  const advertised: Http3Seen["advertised"] =
    http.state === "observed" ? observed(alternativeIn(http.value.headers["alt-svc"])) : http;
  if (quic.state === "observed") return observed({ versions: quic.value, advertised });
  const also = advertised.state === "observed" && advertised.value !== null ? `; Alt-Svc: ${advertised.value}` : "";
  return { ...quic, why: quic.why + also };
}

/** The first alternative of HTTP/3 in a field of Alt-Svc (RFC 7838, 3; RFC 9114, 3.1); null where it has none. */
export function alternativeIn(field: string | undefined): string | null {
  const all = (field ?? "").match(/(?:[^",]|"[^"]*")+/g) ?? [];
  return all.map((each) => each.trim()).find((each) => /^h3(?:-\d+)?=/.test(each)) ?? null;
}

interface Question {
  readonly bytes: Uint8Array;
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
}

/** Smaller ones must not be answered (RFC 9000, 5.2.2 and 14.1). */
const size = 1200;

/** A packet with a long header (RFC 8999, 5.1) of the reserved version 0x?a?a?a?a (RFC 9000, 15); what follows has no meaning in it. */
export function versionQuestion(random: Uint8Array): Question {
  const [first = 0, ...rest] = random;
  const destination = Uint8Array.from(rest.slice(0, 8));
  const source = Uint8Array.from(rest.slice(8, 16));
  const version = [0, 1, 2, 3].map((index) => ((rest[index] ?? 0) & 0xf0) | 0x0a);
  const head = concat(
    Uint8Array.from([0xc0 | (first & 0x0f), ...version, destination.length]),
    destination,
    Uint8Array.from([source.length]),
    source,
  );
  const bytes = new Uint8Array(size);
  bytes.set(head);
  return { bytes, destination, source };
}

/** The versions in a Version Negotiation packet that answers this question (RFC 8999, 6); null where it is none. */
export function readVersions(bytes: Uint8Array, { destination, source }: Question): readonly string[] | null {
  const [first = 0, ...version] = bytes.subarray(0, 5);
  if ((first & 0x80) === 0 || version.length !== 4 || version.some((byte) => byte !== 0)) return null;
  const ids = concat(Uint8Array.from([source.length]), source, Uint8Array.from([destination.length]), destination);
  if (hex(bytes.subarray(5, 5 + ids.length)) !== hex(ids)) return null;
  const list = bytes.subarray(5 + ids.length);
  if (list.length === 0 || list.length % 4 !== 0) return null;
  const versions = Array.from({ length: list.length / 4 }, (_, index) => hex(list.subarray(index * 4, index * 4 + 4)));
  // Servers mix in reserved ones, so that clients learn to ignore what they do not know.
  return [...new Set(versions.filter((each) => !/^(?:.a){4}$/.test(each)).map(versionName))];
}

function versionName(version: string): string {
  if (version === "00000001") return "v1";
  if (version === "6b3343cf") return "v2";
  return version.startsWith("ff0000") ? `draft-${Number.parseInt(version.slice(6), 16)}` : `0x${version}`;
}

async function exchange(
  question: Question,
  of: Datagrams & { readonly address: string; readonly port: number; readonly ms: number },
): Promise<Outcome<Versions>> {
  const { tally, signal, tap } = of;
  const socket = createSocket(isIPv6(of.address.replace(/%.*$/, "")) ? "udp6" : "udp4");
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  try {
    return await new Promise((done) => {
      let silence = untestable(
        "nothing answers a packet of QUIC: it is not offered, UDP does not pass, or the server limits such answers",
      );
      stop = () => done(signal?.aborted === true ? untestable("interrupted") : silence);
      timer = setTimeout(stop, of.ms);
      signal?.addEventListener("abort", stop, { once: true });
      socket.on("error", (error: NodeJS.ErrnoException) =>
        done(error.code === "ECONNREFUSED" ? observed(null) : failed(`UDP: ${error.code ?? error.message}`)),
      );
      socket.on("message", (bytes) => {
        tally.bytesReceived += bytes.length;
        tap?.received(bytes);
        const versions = readVersions(bytes, question);
        if (versions !== null) done(observed(versions));
        else silence = failed("what answers on the UDP port is not QUIC");
      });
      // Not by the callback of connect(), which would also be called for an error, in place of the event.
      socket.on("connect", () => {
        tally.bytesSent += question.bytes.length;
        tap?.sent(question.bytes);
        socket.send(question.bytes);
      });
      // A connected socket is told of a closed port, and hears nobody else.
      socket.connect(of.port, of.address);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    socket.close();
    tap?.ended();
  }
}
