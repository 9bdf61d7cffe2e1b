import type { Observations, SuiteSeen } from "../../probe/index.ts";
import { browsersGet, legacyBrowserGets } from "../browser.ts";
import { listed, olderSuiteProtocols, someSuite, suitesOf } from "../facts.ts";
import {
  scoredBits,
  hasSmallBlocks,
  isAnonymous,
  isExport,
  isFiniteFieldEphemeral,
  isNull,
  isRc4,
  isUnregistered,
} from "../suites.ts";
import { tripleDesBits } from "../rulebooks/ssllabs-2009r.ts";
import { defect, not, no, unknown, yes } from "../verdict.ts";
import type { Statement, Verdict } from "../verdict.ts";

export function insecureSuite(observations: Observations): Verdict {
  const insecure = someSuite(
    observations,
    (suite) => isNull(suite) || isAnonymous(suite) || isExport(suite) || isShort(suite),
  );
  return defect(insecure, {
    fail: "Suites without real security are offered: export, anonymous, no encryption, or below 112 bits",
    pass: "No export, anonymous, unencrypted or under-112-bit suite is offered",
    open: "Whether insecure suites are offered is not known",
  });
}

const isShort = (suite: SuiteSeen): boolean => !isUnregistered(suite) && scoredBits(suite, tripleDesBits) < 112;

export function onlyRc4(observations: Observations): Verdict {
  const { seen } = suitesOf(observations);
  const other = someSuite(observations, (suite) => !isRc4(suite));
  const nothing = other.truth === false && seen.length === 0;
  return defect(nothing ? unknown("no suite was seen") : not(other), {
    fail: "All suites use RC4",
    pass: "There are suites without RC4",
    open: "Whether there are suites without RC4 is not known",
  });
}

/** Counts only where reference browsers with TLS 1.1 or 1.2 would end up with it. */
export function rc4WithModern(observations: Observations): Verdict {
  return defect(legacyBrowserGets(observations, isRc4), {
    fail: "RC4 is negotiated with TLS 1.1 or 1.2",
    pass: "RC4 is not negotiated with TLS 1.1 or 1.2",
    open: "Whether RC4 is negotiated with TLS 1.1 or 1.2 is not known",
  });
}

export function rc4(observations: Observations): Verdict {
  return defect(someSuite(observations, isRc4, olderSuiteProtocols), {
    fail: "RC4 is offered",
    pass: "RC4 is not offered",
    open: "Whether RC4 is offered is not known",
  });
}

/** Offered last, where no reference browser ends up with it, it does no harm to the grade. */
export function smallBlocksWithModern(observations: Observations): Verdict {
  return defect(legacyBrowserGets(observations, hasSmallBlocks), {
    fail: "SWEET32: a cipher with 64-bit blocks is negotiated with TLS 1.1 or 1.2",
    pass: "No cipher with 64-bit blocks is negotiated with TLS 1.1 or 1.2",
    open: "Whether a cipher with 64-bit blocks is negotiated is not known",
  });
}

export function noAead(observations: Observations): Verdict {
  return defect(not(browsersGet(observations, (suite) => suite.aead)), {
    fail: "Reference browsers do not get authenticated encryption",
    pass: "Reference browsers get authenticated encryption",
    open: "Whether reference browsers get authenticated encryption is not known",
  });
}

export function noForwardSecrecy(observations: Observations): Verdict {
  return defect(not(browsersGet(observations, (suite) => suite.forwardSecrecy)), {
    fail: "Reference browsers do not get forward secrecy",
    pass: "Reference browsers get forward secrecy",
    open: "Whether reference browsers get forward secrecy is not known",
  });
}

export const dhBelow1024 = (observations: Observations): Verdict => dhBelow(observations, 1024);
export const dhBelow2048 = (observations: Observations): Verdict => dhBelow(observations, 2048);

function dhBelow(observations: Observations, limit: number): Verdict {
  return defect(someDhBelow(observations, limit), {
    fail: `Diffie-Hellman parameters are below ${limit} bits`,
    pass: `No Diffie-Hellman parameters below ${limit} bits`,
    open: "The size of the Diffie-Hellman parameters is not known",
  });
}

/** A DHE suite whose parameters were not seen leaves it open, unless another's are already too small. */
function someDhBelow(observations: Observations, limit: number): Statement {
  const { seen, gaps } = suitesOf(observations, olderSuiteProtocols);
  const ephemeral = seen.filter(({ suite }) => isFiniteFieldEphemeral(suite)).map(({ suite }) => suite);
  const small = ephemeral.filter((suite) => suite.dhBits !== null && suite.dhBits < limit);
  if (small.length > 0) return yes(listed(small.map((suite) => `${suite.dhBits} bits (${suite.name})`)));
  const unseen = ephemeral.filter((suite) => suite.dhBits === null);
  if (unseen.length > 0) return unknown(`parameters not seen: ${listed(unseen.map((suite) => suite.name))}`);
  if (gaps.length > 0) return unknown(gaps.join("; "));
  if (ephemeral.length === 0) return no("no finite-field DHE is offered");
  return no(listed(ephemeral.map((suite) => `${suite.dhBits} bits`)));
}
