import {
  concat,
  emptyExtension,
  extensionTypes,
  findExtension,
  serverNameExtension,
  uint,
  vector,
  statusRequestExtension,
  type Extension,
} from "../../wire/index.ts";
import { describeAnswer, readFlight, type Flight } from "../client/answer.ts";
import { buildHello, type Hello } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { failed, observed, unknownOf } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { findSuites, planFor, type Known, type Opportunity } from "./known.ts";
import { rewriteHello } from "./opening.ts";

/**
 * Flaw `ocsp-extension` (CVE-2011-0014: OpenSSL 0.9.8h to q, 1.0.0 to c, where it staples). Needs: suites of TLS 1.0 to 1.2. A hello whose status_request ends
 * before the length of its request extensions. A sound parser refuses it; the flawed one reads on, into extensions that stand behind it and are shaped so that
 * it lands on their end: nothing outside the hello is read. It then has not seen those extensions. A control hello, the same without the error, shows that the
 * server lives and what it answers when it sees them. Connections: 2; 3 where the malformed hello is not refused by an alert, 4 where the flaw shows.
 */
export async function probeOcspExtension(look: Look, known: Known): Promise<Outcome<FlawSeen>> {
  const found = findSuites(known, { accept: () => true, without: "no suite is offered" });
  if ("state" in found) return found;
  const [malformed, control] = await Promise.all([
    send(look, malformedHello(helloOf(look, found))),
    send(look, controlHello(helloOf(look, found))),
  ]);
  if (control.kind !== "done") return failed(`the well-formed hello: ${describeAnswer(control)}`);
  const refused = `a status_request that ends early: ${describeTalked(malformed)}; the same hello without the error is taken`;
  if (malformed.kind === "alert") return observed({ present: false, evidence: refused });
  // A reset may be a device's between, which says nothing of the server.
  if (malformed.kind !== "done" && malformed.kind !== "closed") return unknownOf(malformed);
  // No alert says that the server is well: it is asked again.
  const after = await send(look, controlHello(helloOf(look, found)));
  if (after.kind !== "done") return failed(`after a malformed hello, a well-formed one: ${describeAnswer(after)}`);
  if (malformed.kind !== "done") return observed({ present: false, evidence: refused });
  const staples = [...look.flights, control.value, malformed.value].some(
    ({ stapled, protocol }) => stapled && protocol !== "TLSv1.3",
  );
  const seen = concludeTaken(malformed.value, control.value, staples);
  if (!seen.present) return observed(seen);
  // Several servers behind one address may differ in what they answer.
  const again = await send(look, malformedHello(helloOf(look, found)));
  return again.kind === "done" && concludeTaken(again.value, after.value, staples).present
    ? observed(seen)
    : failed("a status_request that ends early is taken, but not each time alike");
}

function describeTalked(talked: Talked<object>): string {
  return talked.kind === "done" ? "taken" : describeAnswer(talked);
}

/** What the answer to the malformed hello shows when there is one. `staples`: a CertificateStatus has been seen. */
export function concludeTaken(malformed: Flight, control: Flight, staples: boolean): FlawSeen {
  const has = (flight: Flight, type: number): boolean =>
    findExtension(flight.serverHello.extensions ?? [], type) !== undefined;
  const markers = hidden.filter(({ type }) => has(control, type)).map(({ type }) => type);
  const lost = markers.filter((type) => !has(malformed, type));
  if (markers.length > 0 && lost.length === markers.length)
    return {
      present: true,
      evidence: "a status_request that ends early is taken, and the parser read on over the extensions behind it",
    };
  if (markers.length > 0)
    return {
      present: false,
      evidence: "a status_request that ends early is taken without a look inside: the extensions behind it are seen",
    };
  return staples
    ? {
        present: true,
        evidence:
          "a status_request that ends early is taken by a server that staples; whether it read on does not show",
      }
    : {
        present: false,
        evidence:
          "a status_request that ends early is taken, but the server does not staple: its parser has no use for it",
      };
}

/** Extensions that the flawed parser passes over, and that servers answer when they see them. */
const hidden: readonly Extension[] = [
  { type: extensionTypes.renegotiationInfo, data: vector(1) },
  emptyExtension(extensionTypes.sessionTicket),
];

function helloOf(look: Look, found: Opportunity): Hello {
  return buildHello(planFor(found), { serverName: look.target.serverName || "localhost", random: look.random });
}

function send(look: Look, hello: Hello): Promise<Talked<Flight>> {
  return look.talk((channel) => readFlight(channel, hello));
}

/** The hello with status_request, server_name and the hidden extensions last, in this order. */
function controlHello(hello: Hello): Hello {
  return withTail(hello, () => statusRequestExtension);
}

/** Exported for its test. */
export function malformedHello(hello: Hello): Hello {
  return withTail(hello, statusWithoutEnd);
}

function withTail(hello: Hello, statusBefore: (bytesBehind: number) => Extension): Hello {
  return rewriteHello(hello, (contents) => {
    const moved: number[] = [
      extensionTypes.statusRequest,
      extensionTypes.serverName,
      ...hidden.map(({ type }) => type),
    ];
    const extensions = contents.extensions ?? [];
    const name: Extension = {
      type: extensionTypes.serverName,
      data: findExtension(extensions, extensionTypes.serverName) ?? serverNameExtension("localhost").data,
    };
    const behind = [name, ...hidden];
    const size = behind.reduce((sum, { data }) => sum + 4 + data.length, 0);
    return {
      ...contents,
      extensions: [...extensions.filter(({ type }) => !moved.includes(type)), statusBefore(size), ...behind],
    };
  });
}

/**
 * A status_request of type ocsp with a list of valid ResponderIDs (byKey), and nothing after the list. The flawed parser counts the list as not yet read, takes
 * the type of the next extension, zero, for the length of the request extensions, and goes on `bytesBehind` bytes further: the list is made as long as that.
 */
function statusWithoutEnd(bytesBehind: number): Extension {
  // Short enough each for lengths of one byte.
  const count = Math.ceil(bytesBehind / 64);
  const share = Math.floor(bytesBehind / count);
  const responders = Array.from({ length: count }, (_, index) =>
    responderId(index === 0 ? bytesBehind - share * (count - 1) : share),
  );
  return { type: extensionTypes.statusRequest, data: concat(uint(1, 1), vector(2, ...responders)) };
}

/** A ResponderID with its length, `size` bytes in all (RFC 6960, 4.2.1). */
function responderId(size: number): Uint8Array {
  const octets = concat(uint(1, 0x04), vector(1, new Uint8Array(size - 6).fill(0x5a)));
  return vector(2, concat(uint(1, 0xa2), vector(1, octets)));
}
