import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { clockSkewMs } from "../../../src/probe/certificates/clock.ts";
import { readStaple } from "../../../src/probe/certificates/staple.ts";
import { ascii, encodeDer, readCertificateFields } from "../../../src/wire/index.ts";
import { make, makeKeys, sequence, signed } from "./made.ts";

const now = new Date(Date.UTC(2026, 5, 15, 12));
const [hour, day] = [3_600_000, 86_400_000];
const keys = makeKeys();
const issuer = make({ name: "Issuer", issuer: "Issuer", keys, signer: keys, ca: true });
const leaf = make({ name: "leaf", issuer: "Issuer", keys: makeKeys(), signer: keys });
const other = make({ name: "other", issuer: "Issuer", keys: makeKeys(), signer: keys });

/** One response in a response; times in milliseconds from now. */
interface Single {
  readonly status?: "good" | "revoked" | "unknown";
  readonly from?: number;
  /** Null for none; an hour from now by default. */
  readonly to?: number | null;
  readonly about?: typeof leaf;
  /** The value of the extension for timestamps. */
  readonly timestamps?: Uint8Array;
}

const time = (offset: number): Uint8Array =>
  encodeDer(0x18, ascii(`${new Date(now.getTime() + offset).toISOString().replace(/\D/g, "").slice(0, 14)}Z`));
const sha1 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha1").update(bytes).digest());

function single({ status = "good", from = -hour, to = hour, about = leaf, timestamps }: Single): Uint8Array {
  const { serial } = readCertificateFields(about.raw);
  const { subject, publicKey } = readCertificateFields(issuer.raw);
  const id = sequence(
    sequence(Uint8Array.of(6, 5, 0x2b, 0x0e, 3, 2, 0x1a)),
    encodeDer(0x04, sha1(subject)),
    encodeDer(0x04, sha1(publicKey)),
    encodeDer(0x02, serial),
  );
  const said = { good: Uint8Array.of(0x80, 0), revoked: encodeDer(0xa1, time(-hour)), unknown: Uint8Array.of(0x82, 0) };
  const extension =
    timestamps === undefined
      ? []
      : [sequence(Uint8Array.of(6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5), encodeDer(0x04, timestamps))];
  return sequence(
    id,
    said[status],
    time(from),
    ...(to === null ? [] : [encodeDer(0xa0, time(to))]),
    ...(extension.length === 0 ? [] : [encodeDer(0xa1, sequence(...extension))]),
  );
}

const nonce = sequence(
  sequence(Uint8Array.of(6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 2), encodeDer(0x04, Uint8Array.of(4, 2, 1, 2))),
);

/** What is read from a response by the issuer. */
function read(
  singles: readonly Single[],
  { producedAt = -hour, extensions }: { producedAt?: number; extensions?: Uint8Array } = {},
) {
  const { publicKey } = readCertificateFields(issuer.raw);
  const data = sequence(
    encodeDer(0xa2, encodeDer(0x04, sha1(publicKey))),
    time(producedAt),
    sequence(...singles.map(single)),
    ...(extensions === undefined ? [] : [encodeDer(0xa1, extensions)]),
  );
  const basic = encodeDer(0x04, sequence(...signed(data, keys)));
  const type = Uint8Array.of(6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1);
  return readStaple(sequence(Uint8Array.of(0x0a, 1, 0), encodeDer(0xa0, sequence(type, basic))), { leaf, issuer, now });
}

const said = (singles: readonly Single[], of?: Parameters<typeof read>[1]) => {
  const { staple } = read(singles, of);
  if (staple.state !== "observed") throw new Error(staple.why);
  return [staple.value.status, ...staple.value.problems];
};

describe("a stapled response of several parts", () => {
  it.each<[string, readonly Single[], readonly string[]]>([
    ["good before revoked", [{}, { status: "revoked" }], ["revoked"]],
    ["revoked before good", [{ status: "revoked" }, {}], ["revoked"]],
    ["good before unknown", [{}, { status: "unknown" }], ["unknown"]],
    ["unknown before revoked", [{ status: "unknown" }, { status: "revoked" }], ["revoked"]],
    ["good that is over, and revoked", [{ to: -1 }, { status: "revoked" }], ["revoked"]],
    ["good, and revoked that is over: a hold may be lifted", [{}, { status: "revoked", to: -1 }], ["good"]],
    ["good, and revoked from the future", [{}, { status: "revoked", from: hour, to: day }], ["good"]],
    ["all of them over", [{ to: -1 }, { status: "revoked", to: -1 }], ["revoked", "it is out of date"]],
    ["another certificate's revocation", [{ about: other, status: "revoked" }, {}], ["good"]],
    ["another certificate's alone", [{ about: other }], ["unknown", "it is about another certificate"]],
  ])("is judged by the worst that holds: %s", (_name, singles, expected) => {
    expect(said(singles)).toEqual(expected);
  });

  it("gives the timestamps for the leaf, wherever they stand", () => {
    const list = encodeDer(0x04, Uint8Array.of(9, 9));
    expect(read([{ status: "revoked" }, { timestamps: list }]).timestamps).toEqual(Uint8Array.of(9, 9));
    expect(read([{}, { about: other, timestamps: list }]).timestamps).toBeNull();
    expect(read([{}]).timestamps).toBeNull();
  });

  it("is judged beside timestamps that cannot be read", () => {
    const { staple, timestamps } = read([{ timestamps: Uint8Array.of(9, 9) }]);
    expect(staple).toMatchObject({ state: "observed", value: { status: "good", problems: [] } });
    expect(timestamps).toMatchObject({
      state: "failed",
      why: expect.stringContaining("its timestamps cannot be read"),
    });
  });

  it("that cannot be read leaves its timestamps unknown too", () => {
    const broken = readStaple(Uint8Array.of(0x30, 9, 1), { leaf, issuer, now });
    expect(broken.staple).toMatchObject({ state: "failed", why: expect.stringContaining("cannot be read") });
    expect(broken.timestamps).toEqual(broken.staple);
  });
});

describe("the dates of a stapled response", () => {
  const old = "it is older than 10 days and does not say until when it holds";
  it.each<[string, Single, { producedAt?: number }, readonly string[]]>([
    ["that ends in a year", { from: -20 * day, to: 365 * day }, {}, []],
    ["without an end, of ten days ago", { from: -10 * day, to: null }, {}, []],
    ["without an end, of before", { from: -10 * day - 1000, to: null }, {}, [old]],
    ["of as far ahead as clocks may be", { from: clockSkewMs }, { producedAt: clockSkewMs }, []],
    ["of further ahead", { from: clockSkewMs + 1000 }, {}, ["it is from the future"]],
    ["produced further ahead", {}, { producedAt: clockSkewMs + 1000 }, ["it is from the future"]],
    ["that ended", { to: -1000 }, {}, ["it is out of date"]],
    ["that ends before it begins", { from: -hour, to: -day }, {}, ["it is out of date", "it ends before it begins"]],
  ])("%s", (_name, one, of, problems) => {
    expect(said([one], of)).toEqual(["good", ...problems]);
  });
});

it("a nonce in a stapled response is the server's own, and does not count", () => {
  expect(said([{}], { extensions: nonce })).toEqual(["good"]);
  expect(said([{ to: -1000 }], { extensions: nonce })).toEqual(["good", "it is out of date"]);
});
