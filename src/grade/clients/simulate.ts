/** What a recorded client gets from this server, worked out from observations alone. */
import type { CertificateSeen, Observations, SuiteProtocol, SuiteSeen, SuitesSeen } from "../../probe/index.ts";
import { offers, suiteProtocols } from "../facts.ts";
import { usesGroups } from "../suites.ts";
import type { ClientProfile } from "./types.ts";

/** `unknown` names the suites that it may come to; none means that not even that is known. */
export type Simulation =
  | {
      readonly state: "connects";
      readonly protocol: SuiteProtocol;
      readonly suite: SuiteSeen;
      readonly group: string | null;
    }
  | { readonly state: "refused"; readonly why: string }
  | { readonly state: "unknown"; readonly possible: readonly SuiteSeen[]; readonly why: string };

/** The client with the newest protocol that both have. */
export function simulate(client: ClientProfile, observations: Observations): Simulation {
  for (const protocol of suiteProtocols.toReversed().filter((name) => client.protocols.includes(name))) {
    const offered = offers(observations, protocol);
    if (offered.truth === "unknown") return { state: "unknown", possible: [], why: offered.because };
    if (offered.truth) return negotiate(client, observations, protocol);
  }
  return { state: "refused", why: "no protocol in common" };
}

/** The client with this protocol, which the server offers. A suite counts where group and certificate suit the client too. */
export function negotiate(client: ClientProfile, observations: Observations, protocol: SuiteProtocol): Simulation {
  const seen = observations.cipherSuites[protocol];
  if (seen?.state !== "observed")
    return { state: "unknown", possible: [], why: `${protocol} suites: ${seen?.why ?? "not looked at"}` };
  const possible: SuiteSeen[] = [];
  for (const suite of inOrder(client, seen.value)) {
    const fit = fits(client, suite, { observations, protocol });
    if (fit === false) continue;
    possible.push(suite);
    if (fit === true && possible.length === 1)
      return { state: "connects", protocol, suite, group: groupFor(client, suite, observations) };
    if (fit === true) break;
  }
  return possible.length === 0
    ? { state: "refused", why: `${protocol}: no suite, group and certificate in common` }
    : { state: "unknown", possible, why: `${protocol}: groups or certificates are not known` };
}

/** Common suites as they are tried: the server's order where it decides, else the client's (RFC 8446, section 4.1.1). */
function inOrder(
  { suites: wanted }: ClientProfile,
  { suites, preference, chachaException }: SuitesSeen,
): readonly SuiteSeen[] {
  const rank = (suite: SuiteSeen): number => wanted.indexOf(suite.id);
  const common = suites.filter((suite) => rank(suite) >= 0);
  if (preference === "client") return common.toSorted((a, b) => rank(a) - rank(b));
  const [first] = wanted;
  const prefersChacha = chachaException === true && first !== undefined && chachaSuites.includes(first);
  return prefersChacha ? common.toSorted((a, b) => Number(isChacha(b)) - Number(isChacha(a))) : common;
}

const chachaSuites: readonly number[] = [0x1303, 0xcca8, 0xcca9, 0xccaa];
const isChacha = (suite: SuiteSeen): boolean => chachaSuites.includes(suite.id);

interface Place {
  readonly observations: Observations;
  readonly protocol: SuiteProtocol;
}

function fits(client: ClientProfile, suite: SuiteSeen, place: Place): boolean | null {
  const group = hasGroup(client, suite, place.observations);
  const key = hasKey(client, suite, place);
  if (group === false || key === false) return false;
  return group === null || key === null ? null : true;
}

/** Null where the server's groups are not known. */
function hasGroup(client: ClientProfile, suite: SuiteSeen, observations: Observations): boolean | null {
  if (!usesGroups(suite) || groupFor(client, suite, observations) !== null) return true;
  return observations.groups.state === "observed" ? false : null;
}

function groupFor(client: ClientProfile, suite: SuiteSeen, { groups }: Observations): string | null {
  if (!usesGroups(suite)) return null;
  const known = groups.state === "observed" ? groups.value : null;
  const server = known?.groups.map(({ name }) => name) ?? [];
  const all = suite.group === null ? server : [...server, suite.group];
  // Hybrids are groups of TLS 1.3 alone.
  const usable = (name: string): boolean => suite.keyExchange === "any" || !name.includes("MLKEM");
  const [first] =
    known?.order === "server"
      ? all.filter((name) => client.groups.includes(name) && usable(name))
      : client.groups.filter((name) => all.includes(name) && usable(name));
  return first ?? null;
}

/** Whether the server has a certificate for this suite that the client can verify; null where certificates are not known. */
function hasKey(
  client: ClientProfile,
  suite: SuiteSeen,
  { observations: { certificates }, protocol }: Place,
): boolean | null {
  if (suite.authentication === "anon") return true;
  if (certificates.state !== "observed") return null;
  const leaves = certificates.value.flatMap((chain) => chain.certificates.slice(0, 1));
  const fitting = leaves.filter(({ key }) => suite.authentication !== "RSA" || key.type === "RSA");
  return leaves.length === 0 || fitting.length === 0 || fitting.some(({ key }) => verifies(client, key, protocol));
}

const curveSchemes: Readonly<Record<string, string>> = {
  prime256v1: "ecdsa_secp256r1_sha256",
  "P-256": "ecdsa_secp256r1_sha256",
  secp384r1: "ecdsa_secp384r1_sha384",
  "P-384": "ecdsa_secp384r1_sha384",
  secp521r1: "ecdsa_secp521r1_sha512",
  "P-521": "ecdsa_secp521r1_sha512",
};

/** In TLS 1.3 the scheme names the curve; before, any scheme of the kind does (RFC 8446, section 4.2.3). */
function verifies({ signatureSchemes }: ClientProfile, key: CertificateSeen["key"], protocol: SuiteProtocol): boolean {
  switch (key.type) {
    case "RSA":
      return signatureSchemes.some((scheme) => scheme.startsWith("rsa_"));
    case "EC": {
      const scheme = curveSchemes[key.curve ?? ""];
      if (protocol === "TLSv1.3") return scheme !== undefined && signatureSchemes.includes(scheme);
      return signatureSchemes.some((name) => name.startsWith("ecdsa_"));
    }
    case "Ed25519":
      return signatureSchemes.includes("ed25519");
    case "Ed448":
      return signatureSchemes.includes("ed448");
    case "DSA":
    case "other":
      return true;
  }
}
