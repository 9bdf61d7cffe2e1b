/** The topics of observations that are exchanged one at a time, but for protocols and suites. */
import type { FlawName, Observations, Outcome, SuitesSeen } from "../../probe/index.ts";
import type { ObservationName } from "../types.ts";
import { inapplicable } from "../verdict.ts";
import { differ, fact } from "./outcome.ts";
import type { Fact } from "./outcome.ts";

/** Something that two looks may differ in. */
export interface Topic {
  readonly id: string;
  readonly title: string;
  readonly parts: readonly string[];
  readonly facts: (of: Observations) => readonly Fact[];
  /** Observations with this topic as another look saw it. */
  readonly put: (into: Observations, from: Observations) => Observations;
}

interface Subject {
  readonly title: string;
  /** Observations that only make sense together with it. */
  readonly with?: readonly (keyof Observations)[];
  readonly facts?: (of: Observations) => readonly Fact[];
}

type Single = Exclude<ObservationName, "protocols" | "cipherSuites" | "flaws" | "dhParameters" | keyof typeof carried>;

/** Exchanged with another one. */
const carried = { applicationProtocols: "alpn", clientAuthorities: "clientCertificateRequested" } as const;

/** Every other observation; the type makes sure of that. */
const subjects: Readonly<Record<Single, Subject>> = {
  groups: { title: "groups" },
  keyShares: {
    title: "fresh key shares",
    // How many were seen is chance.
    facts: ({ keyShares }) => [
      fact(keyShares, ({ samples }) =>
        samples.map(({ kind, group, seen, distinct, lasts }) => [kind, group, distinct < seen, lasts ?? null]),
      ),
    ],
  },
  signatureSchemes: {
    title: "signature schemes",
    facts: ({ signatureSchemes: of }) => [fact(of["TLSv1.2"]), fact(of["TLSv1.3"])],
  },
  // Certificates are judged as of the time of their look.
  certificates: { title: "certificates", with: ["time"] },
  withoutServerName: { title: "certificate without a server name" },
  compression: { title: "TLS compression" },
  secureRenegotiation: { title: "secure renegotiation" },
  clientRenegotiation: { title: "renegotiation by clients" },
  extendedMasterSecret: { title: "extended master secret" },
  encryptThenMac: { title: "encrypt-then-MAC" },
  downgradeSentinel: { title: "downgrade sentinel" },
  fallbackScsv: { title: "fallback signalling" },
  heartbeat: { title: "heartbeat extension" },
  tickets: { title: "session tickets" },
  resumption: {
    title: "resumption",
    facts: ({ resumption: { sessionId, ticket, psk } }) => [fact(sessionId), fact(ticket), fact(psk)],
  },
  keyUpdate: { title: "KeyUpdate" },
  alpn: {
    title: "application protocols",
    with: ["applicationProtocols"],
    facts: ({ alpn, applicationProtocols }) => [fact(alpn), fact(applicationProtocols)],
  },
  nextProtocols: { title: "NPN" },
  encryptedClientHello: { title: "Encrypted Client Hello" },
  clientCertificateRequested: {
    title: "certificates of clients",
    with: ["clientAuthorities"],
    facts: (of) => [fact(of.clientCertificateRequested), fact(of.clientAuthorities)],
  },
  retryCookie: { title: "cookie of HelloRetryRequest" },
  serverRandom: {
    title: "server random",
    facts: ({ serverRandom }) => [
      fact(serverRandom, ({ seen, distinct, clockSkewSeconds }) => [distinct < seen, clockSkewSeconds === null]),
    ],
  },
  tolerance: {
    title: "tolerance of unusual hellos",
    facts: ({ tolerance }) => tolerance.flatMap(({ name, tolerant }) => [{ known: true, value: name }, fact(tolerant)]),
  },
  http: {
    title: "HTTP headers, HSTS among them",
    facts: ({ http }) => [
      fact(http, ({ headers, ...seen }) => {
        const { date: _, ...lasting } = headers;
        return { ...seen, headers: lasting };
      }),
    ],
  },
  redirect: { title: "redirect from port 80" },
  http3: { title: "HTTP/3" },
  dns: { title: "DNS records", facts: ({ dns: { caa, tlsa, https } }) => [fact(caa), fact(tlsa), fact(https)] },
};

const flaws: Readonly<Record<FlawName, string>> = {
  heartbleed: "Heartbleed",
  "ccs-injection": "CCS injection",
  "ocsp-extension": "CVE-2011-0014",
  ticketbleed: "Ticketbleed",
  robot: "ROBOT",
  "poodle-tls": "POODLE against TLS",
  "zombie-poodle": "Zombie POODLE",
  goldendoodle: "GOLDENDOODLE",
  "sleeping-poodle": "Sleeping POODLE",
  "zero-length": "zero-length padding oracle",
  "lucky-minus-20": "OpenSSL padding oracle",
  "insecure-renegotiation": "insecure renegotiation",
};

/** Flaws first, for they weigh most. */
export const topics: readonly Topic[] = [
  ...(Object.keys(flaws) as readonly FlawName[]).map(flawTopic),
  dhTopic(),
  ...(Object.keys(subjects) as readonly Single[]).map(singleTopic),
];

/** All flaws together, where more than one differs; their own topics are its parts. */
export function flawGroup(a: Observations, b: Observations): readonly Topic[] {
  const differing = topics.filter(({ id, facts }) => id.startsWith("flaw.") && differ(facts(a), facts(b)));
  if (differing.length < 2) return [];
  return [
    {
      id: "flaws",
      title: "flaws",
      parts: differing.map(({ id }) => id),
      facts: (of) => differing.flatMap(({ facts }) => facts(of)),
      put: (into, from) => differing.reduce((seen, { put }) => put(seen, from), into),
    },
  ];
}

/** Their size is told with each suite, too. */
function dhTopic(): Topic {
  return {
    id: "dhParameters",
    title: "Diffie-Hellman parameters",
    parts: [],
    facts: ({ dhParameters, cipherSuites }) => [fact(dhParameters), { known: true, value: sizesOf(cipherSuites) }],
    put: (into, from) => ({
      ...into,
      dhParameters: from.dhParameters,
      cipherSuites: Object.fromEntries(
        Object.entries(into.cipherSuites).map(([name, seen]) => [
          name,
          withSizes(seen, from.cipherSuites[name as keyof typeof from.cipherSuites]),
        ]),
      ),
    }),
  };
}

/** Each size once: which suites of which versions there are is another topic. */
function sizesOf(cipherSuites: Observations["cipherSuites"]): readonly number[] {
  const suites = Object.values(cipherSuites).flatMap((seen) => (seen.state === "observed" ? seen.value.suites : []));
  return [...new Set(suites.flatMap(({ dhBits }) => dhBits ?? []))].toSorted((a, b) => a - b);
}

function withSizes(into: Outcome<SuitesSeen>, from: Outcome<SuitesSeen> | undefined): Outcome<SuitesSeen> {
  if (into.state !== "observed" || from?.state !== "observed") return into;
  const sizes = new Map(from.value.suites.map(({ id, dhBits }) => [id, dhBits]));
  const suites = into.value.suites.map((suite) => ({ ...suite, dhBits: sizes.get(suite.id) ?? suite.dhBits }));
  return { ...into, value: { ...into.value, suites } };
}

function flawTopic(name: FlawName): Topic {
  return {
    id: `flaw.${name}`,
    title: flaws[name],
    parts: [],
    // What cannot be there is as good as what was found absent.
    facts: ({ flaws: of }) => [
      inapplicable(of[name]) !== null ? { known: true, value: false } : fact(of[name], (seen) => seen.present),
    ],
    put: (into, from) => ({ ...into, flaws: { ...into.flaws, [name]: from.flaws[name] } }),
  };
}

function singleTopic(name: Single): Topic {
  const { title, with: others = [], facts } = subjects[name];
  const names = [name, ...others];
  return {
    id: name,
    title,
    parts: [],
    facts: facts ?? ((of) => [fact(of[name] as Parameters<typeof fact>[0])]),
    put: (into, from) => ({ ...into, ...Object.fromEntries(names.map((each) => [each, from[each]])) }),
  };
}
