import {
  decodeNewSessionTicket13,
  decodeSupportedGroups,
  DecodeError,
  extensionTypes,
  findExtension,
  handshakeTypes,
  aeadOf,
  canAgree,
  ascii,
  concat,
  greaseEncryptedHello,
  ticketKey,
  type Extension,
  type HashName,
  type NewSessionTicket,
} from "../../wire/index.ts";
import { choiceIn } from "./alpn.ts";
import { answerOf } from "../client/answer.ts";
import { canComplete } from "../client/client12-keys.ts";
import { handshake12 } from "../client/client12.ts";
import { handshake13, type Handshake13 } from "../client/client13.ts";
import { buildHello, type HelloPlan } from "../client/hello.ts";
import { askHttp, httpRequest } from "../http/http.ts";
import type { Look, Talked } from "../look.ts";
import { observed, untestable, unknownOf, type Unknown } from "../outcome.ts";
import { withoutVersions, type VersionsSeen } from "../suites/versions.ts";
import type { SecureSession } from "../client/session.ts";
import type { HttpSeen, Outcome, SuiteSeen } from "../types.ts";

/** What whole handshakes told beyond their flights. */
export interface Exchanged {
  readonly alpn: Outcome<string | null>;
  readonly http: Outcome<HttpSeen>;
  /** Of TLS 1.3; null where it is not spoken. */
  readonly tickets: Outcome<{ readonly count: number; readonly earlyData: boolean }> | null;
  /** The server's own list of groups, when it sent it. */
  readonly groupList: readonly number[] | null;
  /** What the server picked where http/1.1 was all that was offered. */
  readonly alpnAlone: Outcome<string | null>;
  /** The server answers a KeyUpdate with one of its own. Of TLS 1.3. */
  readonly keyUpdate: Outcome<boolean>;
  /** The server answered GREASE of ECH with configurations. Of TLS 1.3. */
  readonly encryptedClientHello: Outcome<boolean>;
  /** The first ticket of TLS 1.3, and the suite and group that it came with. */
  readonly ticket: TicketSeen | null;
}

/** A ticket of TLS 1.3 with all that it takes to resume by it. */
export interface TicketSeen {
  readonly suite: number;
  readonly group: number;
  readonly ticket: NewSessionTicket;
  readonly hash: HashName;
  readonly key: Uint8Array;
}

/** What there is to tell without a connection that was completed. */
export function nothingExchanged(why: Unknown): Exchanged {
  return {
    alpn: why,
    http: why,
    tickets: why,
    groupList: null,
    alpnAlone: why,
    keyUpdate: why,
    encryptedClientHello: why,
    ticket: null,
  };
}

/** Groups that a key share is made for, the cheapest first. */
const shareOrder = [29, 23, 24, 25, 30, 0x11ec, 0x11eb, 0x11ed, 513, 514, 512];

/**
 * Probe `exchange` for TLS 1.3. Needs: suites and groups of TLS 1.3. Gives: tickets, early data, HTTP, ALPN, the server's list of groups, KeyUpdate,
 * ECH; flights with certificates. OpenSSL sends its whole list in EncryptedExtensions when the group in use is not its first one. Connections: 2.
 */
export async function exchangeModern(
  look: Look,
  of: { suites: readonly number[]; groups: readonly number[] },
): Promise<Exchanged> {
  const suites = of.suites.filter((id) => aeadOf(id) !== undefined);
  const usable = shareOrder.filter((group) => of.groups.includes(group) && canAgree(group));
  const [group] = usable;
  if (group === undefined || suites.length === 0)
    return nothingExchanged(untestable("no suite and group of this server can be computed here"));
  const [whole, partial] = await Promise.all([
    converseModern(look, { suites, group, alpn: ["http/1.1"] }, (handshake) => finishModern(look, handshake, group)),
    converseModern(
      look,
      {
        suites,
        group: usable[1] ?? group,
        alpn: ["h2", "http/1.1"],
        extra: [greaseEncryptedHello({ hash: 1, aead: 1, encapsulatedLength: 32, payloadLength: 144 }, look.random)],
      },
      async (handshake) => ({ handshake, keyUpdate: await probeKeyUpdate(look, handshake) }),
    ),
  ]);
  const groupList =
    [whole, partial]
      .map((talked) => (talked.kind === "done" ? groupListIn(talked.value.handshake.extensions) : null))
      .find((list) => list !== null) ?? null;
  return {
    alpn: partial.kind === "done" ? alpnOf(partial.value.handshake) : unknownOf(partial),
    http: whole.kind === "done" ? whole.value.http : unknownOf(whole),
    tickets: whole.kind === "done" ? whole.value.tickets : unknownOf(whole),
    groupList,
    alpnAlone: whole.kind === "done" ? alpnOf(whole.value.handshake) : unknownOf(whole),
    keyUpdate: partial.kind === "done" ? partial.value.keyUpdate : unknownOf(partial),
    encryptedClientHello:
      partial.kind === "done"
        ? observed(findExtension(partial.value.handshake.extensions, extensionTypes.encryptedClientHello) !== undefined)
        : unknownOf(partial),
    ticket: whole.kind === "done" ? whole.value.ticket : null,
  };
}

/**
 * Probe `exchange` for servers whose newest version is TLS 1.2. Needs: suites of TLS 1.2. Gives: HTTP, ALPN. Connections: 1.
 * A server with nothing but suites that are rare (PSK, static DH, ARIA) cannot be talked to here.
 */
export async function exchangeClassic(
  look: Look,
  found: readonly SuiteSeen[],
  versions: Pick<VersionsSeen, "TLSv1.3">,
): Promise<Exchanged> {
  const modern = withoutVersions(versions, {
    names: ["TLSv1.3"],
    without: "TLS 1.3 is not offered",
    otherwise: "the suites or groups of TLS 1.3 are not known",
  });
  const rest = { tickets: null, groupList: null, keyUpdate: modern, encryptedClientHello: modern, ticket: null };
  const suites = found.map(({ id }) => id).filter(canComplete);
  if (suites.length === 0) {
    const why = untestable("no suite of this server can be computed here, so no connection can be completed");
    return { ...rest, alpn: why, alpnAlone: why, http: why };
  }
  const plan: HelloPlan = { protocol: "TLSv1.2", suites, groups: [29, 23, 24, 25, 30], alpn: ["http/1.1"] };
  const talked = await look.talk(async (channel) => {
    const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
    const { flight, session } = await handshake12(channel, hello, look.random);
    return { flight: look.keep(flight), http: await askService(look, session) };
  });
  if (talked.kind !== "done") return { ...nothingExchanged(unknownOf(talked)), ...rest };
  const alpn = choiceIn(talked.value.flight.serverHello.extensions ?? []);
  return { ...rest, alpn, alpnAlone: alpn, http: talked.value.http };
}

/** A handshake of TLS 1.3 with one group. */
export interface ModernPlan {
  readonly suites: readonly number[];
  readonly group: number;
  readonly alpn: readonly string[];
  readonly schemes?: readonly number[];
  readonly extra?: readonly Extension[];
}

/** Handshakes of TLS 1.3 for what stands in the protected part. The flight goes to the harvest. */
export async function converseModern<T extends object>(
  look: Look,
  of: ModernPlan,
  use: (handshake: Handshake13) => Promise<T>,
): Promise<Talked<T>> {
  const { suites, group, alpn, schemes, extra } = of;
  const plan: HelloPlan = {
    protocol: "TLSv1.3",
    suites,
    groups: [group],
    shares: [group],
    alpn,
    ...(schemes === undefined ? {} : { schemes }),
    ...(extra === undefined ? {} : { extra }),
  };
  return look.talk(async (channel) => {
    const handshake = await handshake13(
      channel,
      buildHello(plan, { serverName: look.target.serverName, random: look.random }),
    );
    return use({ ...handshake, flight: look.keep(handshake.flight) });
  });
}

interface Finished {
  readonly handshake: Handshake13;
  readonly http: Outcome<HttpSeen>;
  readonly tickets: Exclude<Exchanged["tickets"], null>;
  readonly ticket: TicketSeen | null;
}

async function finishModern(look: Look, handshake: Handshake13, group: number): Promise<Finished> {
  const session = handshake.finish();
  const http = await askService(look, session);
  // Tickets are sent before data; without any data none is counted for certain.
  if (look.startTls === null && http.state !== "observed" && session.messages.length === 0)
    return { handshake, http, tickets: http, ticket: null };
  const tickets = session.messages
    .filter(({ type }) => type === handshakeTypes.newSessionTicket)
    .map(({ body }) => decodeNewSessionTicket13(body));
  const earlyData = tickets.some(({ extensions }) =>
    (findExtension(extensions, extensionTypes.earlyData) ?? new Uint8Array(0)).some((byte) => byte !== 0),
  );
  const { hash, secret } = session.resumption;
  const [ticket] = tickets;
  const suite = handshake.flight.serverHello.cipherSuite;
  return {
    handshake,
    http,
    tickets: observed({ count: tickets.length, earlyData }),
    ticket: ticket === undefined ? null : { suite, group, ticket, hash, key: ticketKey(hash, secret, ticket.nonce) },
  };
}

/** HTTP where TLS begins at once. */
async function askService(look: Look, session: SecureSession): Promise<Outcome<HttpSeen>> {
  if (look.startTls === null) return askHttp(session, look.target);
  return (await import("../reach/farewell.ts")).sayFarewell(session, look.startTls);
}

/** The preface and the settings that every connection of HTTP/2 begins with (RFC 9113, 3.4). */
const http2Preface = concat(ascii("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0));

/** Updates keys, then asks for something: a server may send its own KeyUpdate only when it next has something to say. */
async function probeKeyUpdate(look: Look, handshake: Handshake13): Promise<Outcome<boolean>> {
  const session = handshake.finish();
  const choice = alpnOf(handshake);
  session.updateKeys();
  if (look.startTls === null)
    session.send(choice.state === "observed" && choice.value === "h2" ? http2Preface : httpRequest(look.target));
  else session.send((await import("../reach/farewell.ts")).farewellOf(look.startTls));
  const updated = (): boolean => session.messages.some(({ type }) => type === handshakeTypes.keyUpdate);
  try {
    // What was said before the server read the update comes first; more than this is not waited for.
    for (let count = 0; !updated() && count < 16; count++) await session.receive();
    return observed(updated());
  } catch (error) {
    if (updated()) return observed(true);
    const answer = answerOf(error);
    return answer.kind === "alert" ? observed(false) : unknownOf(answer);
  }
}

function alpnOf(handshake: Handshake13): Outcome<string | null> {
  return choiceIn(handshake.extensions);
}

/** The server's list of groups in EncryptedExtensions; null where there is none that can be read. */
export function groupListIn(extensions: readonly Extension[]): readonly number[] | null {
  const data = findExtension(extensions, extensionTypes.supportedGroups);
  if (data === undefined) return null;
  try {
    return decodeSupportedGroups(data);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
