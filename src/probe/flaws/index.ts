import { extensionTypes } from "../../wire/index.ts";
import type { Look } from "../look.ts";
import type { Unknown } from "../outcome.ts";
import type { FlawName, FlawSeen, Observations, Outcome } from "../types.ts";
import { probeCcsInjection } from "./ccs-injection.ts";
import { isCbc } from "./cbc-combinations.ts";
import { everyCbcFlaw, type CbcOutcomes } from "./cbc-flaws.ts";
import { findComputable, findSuites, withoutEcho, type Known, type Opportunity } from "./known.ts";
import { probeOcspExtension } from "./ocsp-extension.ts";
import { probeRenegotiation } from "./renegotiation.ts";

export type FlawsSeen = Pick<Observations, "flaws" | "clientRenegotiation">;

/**
 * Looks for flaws of implementations, and for client-initiated renegotiation. Needs: suites and flights of the versions before TLS 1.3. What cannot be there
 * costs no connection, and what looks for it is not loaded.
 */
export async function probeFlaws(look: Look, known: Known): Promise<FlawsSeen> {
  const [heartbleed, ccsInjection, ocspExtension, renegotiation, ticketbleed, robot, cbc] = await Promise.all([
    lookForHeartbleed(look, known),
    probeCcsInjection(look, known),
    probeOcspExtension(look, known),
    probeRenegotiation(look, known),
    lookForTicketbleed(look, known),
    lookForRobot(look, known),
    lookForCbcFlaws(look, known),
  ]);
  const flaws: Record<FlawName, Outcome<FlawSeen>> = {
    heartbleed,
    "ccs-injection": ccsInjection,
    "ocsp-extension": ocspExtension,
    ticketbleed,
    robot,
    ...cbc,
    "insecure-renegotiation": renegotiation.insecure,
  };
  return { flaws, clientRenegotiation: renegotiation.clientRenegotiation };
}

async function lookForHeartbleed(look: Look, known: Known): Promise<Outcome<FlawSeen>> {
  const found = withEcho(look, findSuites(known, anySuite), { type: extensionTypes.heartbeat, name: "heartbeat" });
  return "state" in found ? found : (await import("./heartbleed.ts")).probeHeartbleed(look, found);
}

async function lookForTicketbleed(look: Look, known: Known): Promise<Outcome<FlawSeen>> {
  const of = { type: extensionTypes.sessionTicket, name: "session ticket" };
  const found = withEcho(look, findComputable(known, anySuite), of);
  return "state" in found ? found : (await import("./ticketbleed.ts")).probeTicketbleed(look, found);
}

async function lookForRobot(look: Look, known: Known): Promise<Outcome<FlawSeen>> {
  const found = findSuites(known, {
    accept: ({ keyExchange, authentication }) => keyExchange === "RSA" && authentication === "RSA",
    without: "no suite with RSA key exchange is offered",
  });
  return "state" in found ? found : (await import("./robot.ts")).probeRobot(look, found);
}

async function lookForCbcFlaws(look: Look, known: Known): Promise<CbcOutcomes> {
  const found = findSuites(known, {
    accept: isCbc,
    without: "no suite with CBC is offered",
  });
  return "state" in found ? everyCbcFlaw(found) : (await import("./cbc-oracles.ts")).probeCbcOracles(look, known);
}

const anySuite = { accept: () => true, without: "no suite is offered" };

function withEcho(look: Look, found: Opportunity | Unknown, of: { type: number; name: string }): Opportunity | Unknown {
  return "state" in found ? found : (withoutEcho(look, of) ?? found);
}
