import type { ChainSeen, FlawName, Observations } from "../probe/index.ts";
import { notLooked } from "./verdict.ts";

const missing = { state: "untestable", why: notLooked } as const;

/** Every flaw; the type makes sure of that. */
const everyFlaw: Readonly<Record<FlawName, true>> = {
  heartbleed: true,
  "ccs-injection": true,
  "ocsp-extension": true,
  ticketbleed: true,
  robot: true,
  "poodle-tls": true,
  "zombie-poodle": true,
  goldendoodle: true,
  "sleeping-poodle": true,
  "zero-length": true,
  "lucky-minus-20": true,
  "insecure-renegotiation": true,
};

/** What an older version did not record: nobody looked. */
const unseen = {
  compression: missing,
  secureRenegotiation: missing,
  extendedMasterSecret: missing,
  downgradeSentinel: missing,
  tickets: missing,
  alpn: missing,
  http: missing,
  encryptThenMac: missing,
  heartbeat: missing,
  fallbackScsv: missing,
  signatureSchemes: {},
  dhParameters: missing,
  resumption: { sessionId: missing, ticket: missing, psk: missing },
  clientRenegotiation: missing,
  applicationProtocols: missing,
  keyUpdate: missing,
  encryptedClientHello: missing,
  clientCertificateRequested: missing,
  clientAuthorities: missing,
  nextProtocols: missing,
  retryCookie: missing,
  serverRandom: missing,
  withoutServerName: missing,
  tolerance: [],
  redirect: missing,
  dns: { caa: missing, tlsa: missing, https: missing },
  http3: missing,
} as const satisfies Partial<Observations>;

const noFlaws = Object.fromEntries(Object.keys(everyFlaw).map((name) => [name, missing])) as Observations["flaws"];

/** A recording of any version as this one has them. What is there stays as it is. */
export function complete(recorded: Observations): Observations {
  const old: Partial<Observations> = recorded;
  return {
    ...unseen,
    ...recorded,
    flaws: { ...noFlaws, ...old.flaws },
    certificates:
      recorded.certificates.state === "observed"
        ? { state: "observed", value: recorded.certificates.value.map(completeChain) }
        : recorded.certificates,
  };
}

function completeChain(chain: ChainSeen): ChainSeen {
  return { ...({ staple: missing, timestamps: [], leaf: missing } satisfies Partial<ChainSeen>), ...chain };
}
