/** Findings that no rulebook grades and people ask for all the same. */
import type { Observations } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { certificateFindings } from "./certificates.ts";
import { clientFindings } from "./clients.ts";
import { dnsFindings } from "./dns.ts";
import { exposureFindings } from "./exposures.ts";
import { extensionFindings } from "./extensions.ts";
import { httpFindings } from "./http.ts";
import { keyExchangeFindings } from "./key-exchange.ts";
import { sessionFindings } from "./sessions.ts";
import { toleranceFindings } from "./tolerance.ts";

export function generalFindings(observations: Observations): readonly Finding[] {
  return [
    ...keyExchangeFindings(observations),
    ...exposureFindings(observations),
    ...sessionFindings(observations),
    ...extensionFindings(observations),
    ...certificateFindings(observations),
    ...httpFindings(observations),
    ...dnsFindings(observations),
    ...toleranceFindings(observations),
    ...clientFindings(observations),
  ];
}
