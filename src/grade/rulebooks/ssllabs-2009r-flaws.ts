/** SSL Labs' rules on flaws of implementations, which its engine brought with their announcements. */
import type { RuleData } from "./ssllabs-2009r-rules.ts";

const announced = (when: string, topic: string): string => `SSL Labs, announced change of ${when}: ${topic}`;
const update = "Update the TLS library, and with it every server that uses it";

interface FlawData {
  readonly id: string;
  readonly since: string;
  readonly check: RuleData["check"];
  readonly reference: string;
  readonly needs?: RuleData["needs"];
  readonly fix?: string;
}

const older: RuleData["needs"] = ["flaws", "protocols"];
const withSuites: RuleData["needs"] = ["flaws", "protocols", "cipherSuites"];

const flaws: readonly FlawData[] = [
  {
    id: "heartbleed",
    since: "2014-04",
    check: "heartbleed",
    reference: `${announced("April 2014", "Heartbleed")}; CVE-2014-0160`,
    fix: "Update OpenSSL, then replace keys and certificates: they may have been read",
  },
  {
    id: "ccs-injection",
    since: "2014-06",
    check: "ccsInjection",
    reference: `${announced("June 2014", "early ChangeCipherSpec")}; CVE-2014-0224`,
  },
  {
    id: "ticketbleed",
    since: "2017-02",
    check: "ticketbleed",
    reference: `${announced("2017", "Ticketbleed")}; CVE-2016-9244`,
    needs: ["flaws", "protocols", "tickets"],
  },
  {
    id: "robot",
    since: "2018-02",
    check: "robot",
    reference: `${announced("February 2018", "ROBOT")}; CVE-2017-13099 and others`,
    needs: withSuites,
    fix: "Remove the suites with RSA key exchange, and update the TLS library",
  },
  {
    id: "poodle-tls",
    since: "2009g",
    check: "poodleTls",
    reference: "SSL Server Rating Guide 2009g: POODLE against TLS; CVE-2014-8730",
    needs: withSuites,
  },
  {
    id: "zombie-poodle",
    since: "2019-05",
    check: "zombiePoodle",
    reference: `${announced("May 2019", "Zombie POODLE")}; CVE-2019-6485 and others`,
    needs: withSuites,
  },
  {
    id: "goldendoodle",
    since: "2019-05",
    check: "goldendoodle",
    reference: `${announced("May 2019", "GOLDENDOODLE")}; CVE-2019-6593 and others`,
    needs: withSuites,
  },
  {
    id: "sleeping-poodle",
    since: "2019-05",
    check: "sleepingPoodle",
    reference: announced("May 2019", "Sleeping POODLE"),
    needs: withSuites,
  },
  {
    id: "zero-length",
    since: "2019-05",
    check: "zeroLength",
    reference: `${announced("May 2019", "0-length padding oracle")}; CVE-2019-1559`,
    needs: withSuites,
  },
  {
    id: "lucky-minus-20",
    since: "2009m",
    check: "luckyMinus20",
    reference: "SSL Server Rating Guide 2009m: OpenSSL padding oracle; CVE-2016-2107",
    needs: withSuites,
  },
  {
    id: "insecure-renegotiation",
    since: "2009c",
    check: "insecureRenegotiation",
    reference: "SSL Server Rating Guide 2009c: insecure renegotiation; CVE-2009-3555, RFC 5746",
    fix: "Use a TLS library with RFC 5746, or turn renegotiation off",
  },
];

export const flawRules: readonly RuleData[] = [
  ...flaws.map(({ id, needs = older, fix = update, ...rest }): RuleData => ({
    ...rest,
    id: `ssllabs.${id}`,
    effects: ["F"],
    needs,
    fix,
  })),
  {
    id: "ssllabs.revocation",
    since: "2009",
    effects: ["F"],
    needs: ["certificates"],
    check: "revoked",
    reference: "SSL Server Rating Guide 2009: certificate inspection, revocation; RFC 6960",
    fix: "Replace key and certificate",
  },
  {
    id: "ssllabs.hpkp",
    since: "2009l",
    effects: ["no A+"],
    needs: ["http"],
    check: "publicKeyPins",
    reference: "SSL Server Rating Guide 2009l: invalid Public-Key-Pins; RFC 7469",
    fix: "Send no Public-Key-Pins header: no browser heeds it any more",
  },
];
