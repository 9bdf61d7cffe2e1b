import {
  decodeAlpnChoice,
  decodeNewSessionTicket13,
  decodeSupportedGroups,
  DecodeError,
  extensionTypes,
  findExtension,
  handshakeTypes,
  aeadOf,
  canAgree,
} from "../wire/index.ts";
import { handshake12 } from "./client12.ts";
import { handshake13, type Handshake13 } from "./client13.ts";
import { buildHello, type HelloPlan } from "./hello.ts";
import { askHttp, printable } from "./http.ts";
import type { Look, Talked } from "./look.ts";
import { untestable, unknownOf } from "./outcome.ts";
import type { HttpSeen, Outcome, SuiteSeen } from "./types.ts";

/** What whole handshakes told beyond their flights. */
export interface Exchanged {
  readonly alpn: Outcome<string | null>;
  readonly http: Outcome<HttpSeen>;
  /** Of TLS 1.3; null where it is not spoken. */
  readonly tickets: Outcome<{ readonly count: number; readonly earlyData: boolean }> | null;
  /** The server's own list of groups, when it sent it. */
  readonly groupList: readonly number[] | null;
}

/** Groups that a key share is made for, the cheapest first. */
const shareOrder = [29, 23, 24, 25, 30, 0x11ec, 0x11eb, 0x11ed, 513, 514, 512];

/**
 * Probe `exchange` for TLS 1.3. Needs: suites and groups of TLS 1.3. Gives: tickets, early data, HTTP, ALPN, the server's list of groups; flights
 * with certificates. OpenSSL sends its whole list in EncryptedExtensions when the group in use is not its first one. Connections: 2.
 */
export async function exchangeModern(
  look: Look,
  of: { suites: readonly number[]; groups: readonly number[] },
): Promise<Exchanged> {
  const suites = of.suites.filter((id) => aeadOf(id) !== undefined);
  const usable = shareOrder.filter((group) => of.groups.includes(group) && canAgree(group));
  const [group] = usable;
  if (group === undefined || suites.length === 0) {
    const why = untestable("no suite and group of this server can be computed here");
    return { alpn: why, http: why, tickets: why, groupList: null };
  }
  const [whole, partial] = await Promise.all([
    converseModern(look, { suites, group, alpn: ["http/1.1"] }, (handshake) => finishModern(look, handshake)),
    converseModern<{ handshake: Handshake13 }>(
      look,
      { suites, group: usable[1] ?? group, alpn: ["h2", "http/1.1"] },
      async (handshake) => ({ handshake }),
    ),
  ]);
  const groupList =
    [whole, partial]
      .map((talked) => (talked.kind === "done" ? groupListOf(talked.value.handshake) : null))
      .find((list) => list !== null) ?? null;
  return {
    alpn: partial.kind === "done" ? alpnOf(partial.value.handshake) : unknownOf(partial),
    http: whole.kind === "done" ? whole.value.http : unknownOf(whole),
    tickets: whole.kind === "done" ? whole.value.tickets : unknownOf(whole),
    groupList,
  };
}

/**
 * Probe `exchange` for servers whose newest version is TLS 1.2. Needs: suites of TLS 1.2. Gives: HTTP, ALPN. Connections: 1.
 * Only suites with ECDHE and an AEAD can be computed here.
 */
export async function exchangeClassic(
  look: Look,
  found: readonly SuiteSeen[],
): Promise<Pick<Exchanged, "alpn" | "http">> {
  const suites = found
    .filter((suite) => suite.keyExchange === "ECDHE" && aeadOf(suite.id) !== undefined)
    .map(({ id }) => id);
  if (suites.length === 0) {
    const why = untestable("no suite of this server with ECDHE and an AEAD, so no connection can be completed here");
    return { alpn: why, http: why };
  }
  const plan: HelloPlan = { protocol: "TLSv1.2", suites, groups: [29, 23, 24, 25, 30], alpn: ["http/1.1"] };
  const talked = await look.talk(async (channel) => {
    const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
    const { flight, session } = await handshake12(channel, hello, look.random);
    look.flights.push(flight);
    return { flight, http: await askHttp(session, look.target) };
  });
  if (talked.kind !== "done") return { alpn: unknownOf(talked), http: unknownOf(talked) };
  return { alpn: alpnIn(talked.value.flight.serverHello.extensions ?? []), http: talked.value.http };
}

/** A handshake for its certificate, with only these signature schemes. Its flight goes to the harvest. */
export async function askCertificate(
  look: Look,
  of: { suites: readonly number[]; group: number; schemes: readonly number[] },
): Promise<Talked<object>> {
  return converseModern(look, { ...of, suites: of.suites, alpn: ["http/1.1"] }, async (handshake) => ({ handshake }));
}

interface ModernPlan {
  readonly suites: readonly number[];
  readonly group: number;
  readonly alpn: readonly string[];
  readonly schemes?: readonly number[];
}

async function converseModern<T extends object>(
  look: Look,
  of: ModernPlan,
  use: (handshake: Handshake13) => Promise<T>,
): Promise<Talked<T>> {
  const { suites, group, alpn, schemes } = of;
  const plan: HelloPlan = {
    protocol: "TLSv1.3",
    suites,
    groups: [group],
    shares: [group],
    alpn,
    ...(schemes === undefined ? {} : { schemes }),
  };
  return look.talk(async (channel) => {
    const handshake = await handshake13(
      channel,
      buildHello(plan, { serverName: look.target.serverName, random: look.random }),
    );
    look.flights.push(handshake.flight);
    return use(handshake);
  });
}

interface Finished {
  readonly handshake: Handshake13;
  readonly http: Outcome<HttpSeen>;
  readonly tickets: Exclude<Exchanged["tickets"], null>;
}

async function finishModern(look: Look, handshake: Handshake13): Promise<Finished> {
  const session = handshake.finish();
  const http = await askHttp(session, look.target);
  // Tickets are sent before data; without any data none is counted for certain.
  if (http.state !== "observed" && session.messages.length === 0) return { handshake, http, tickets: http };
  const tickets = session.messages
    .filter(({ type }) => type === handshakeTypes.newSessionTicket)
    .map(({ body }) => decodeNewSessionTicket13(body));
  const earlyData = tickets.some(({ extensions }) =>
    (findExtension(extensions, extensionTypes.earlyData) ?? new Uint8Array(0)).some((byte) => byte !== 0),
  );
  return { handshake, http, tickets: { state: "observed", value: { count: tickets.length, earlyData } } };
}

function alpnOf(handshake: Handshake13): Outcome<string | null> {
  return alpnIn(handshake.extensions);
}

function alpnIn(extensions: Parameters<typeof findExtension>[0]): Outcome<string | null> {
  const data = findExtension(extensions, extensionTypes.alpn);
  if (data === undefined) return { state: "observed", value: null };
  try {
    return { state: "observed", value: printable(decodeAlpnChoice(data)) };
  } catch (error) {
    if (error instanceof DecodeError) return { state: "failed", why: `ALPN: ${error.message}` };
    throw error;
  }
}

function groupListOf(handshake: Handshake13): readonly number[] | null {
  const data = findExtension(handshake.extensions, extensionTypes.supportedGroups);
  return data === undefined ? null : decodeSupportedGroups(data);
}
