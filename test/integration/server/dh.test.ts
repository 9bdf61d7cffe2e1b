import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { dhProblem, ensureDhParameters, type Run } from "../../../src/server/index.ts";
import { describeWith } from "../../tools/needs.ts";

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-dh-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const run: Run = async ([program = "", ...argv]) => {
  execFileSync(program, argv, { stdio: "ignore" });
  return { exitCode: 0, stdout: "", stderr: "" };
};

/** PKCS #3: SEQUENCE { prime, generator }. */
function pem(prime: bigint, generator: bigint): string {
  const integer = (value: bigint): Buffer => {
    const digits = value.toString(16);
    const bytes = Buffer.from(`00${digits.length % 2 === 0 ? "" : "0"}${digits}`, "hex");
    return wrapped(0x02, bytes);
  };
  const wrapped = (tag: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x82, bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const der = wrapped(0x30, Buffer.concat([integer(prime), integer(generator)]));
  return `-----BEGIN DH PARAMETERS-----\n${der.toString("base64")}\n-----END DH PARAMETERS-----\n`;
}

/** RFC 2409, section 6.2: a safe prime of 1024 bits. */
const oakley2 = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
);
/** RFC 2409, section 6.1: 768 bits. */
const oakley1 = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A3620FFFFFFFFFFFFFFFF",
);

it.each([
  ["a safe prime of 1024 bits", pem(oakley2, 2n), null],
  ["fewer bits", pem(oakley1, 2n), /parameters of 768 bits, fewer than 1024/],
  ["a number that is no prime", pem(oakley2 + 2n, 2n), /no safe prime/],
  ["a prime that is no safe one", pem(2n ** 1279n - 1n, 2n), /no safe prime/],
  ["a generator of 1", pem(oakley2, 1n), /generator is out of range/],
  ["a generator of p - 1", pem(oakley2, oakley2 - 1n), /generator is out of range/],
  ["another kind of PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /holds no Diffie-Hellman/],
  ["something cut short", pem(oakley2, 2n).replace(/.{40}\n-----END/, "\n-----END"), /holds no Diffie-Hellman/],
  ["nothing", "", /holds no Diffie-Hellman/],
])("%s is judged", async (_what, text, problem) => {
  const file = join(await freshFolder(), "dh.pem");
  await writeFile(file, text);
  const found = await dhProblem(file);
  expect(found ?? "it may be used").toMatch(problem ?? /^it may be used$/);
});

it("a file that is not there is named", async () => {
  expect(await dhProblem("/nowhere/dh.pem")).toBe("/nowhere/dh.pem cannot be read: ENOENT");
});

describeWith(["openssl"], "parameters made by openssl dhparam", () => {
  it("are made once, for their owner alone, whole or not at all", async () => {
    const folder = await freshFolder();
    let made = 0;
    const options = { openssl: "openssl", folder, bits: 1024, run, onMake: () => void (made += 1) };
    const file = await ensureDhParameters(options);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await dhProblem(file)).toBeNull();
    expect(await ensureDhParameters(options)).toBe(file);
    expect(made).toBe(1);
    await rm(file);
    const failing: Run = async () => ({ exitCode: 1, stdout: "", stderr: "no room\n" });
    await expect(ensureDhParameters({ ...options, run: failing })).rejects.toMatchObject({
      code: "certificate-failed",
      details: ["no room"],
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("that were changed since are refused, not made anew", async () => {
    const folder = await freshFolder();
    await writeFile(join(folder, "dh-1024.pem"), pem(oakley1, 2n));
    await expect(
      ensureDhParameters({ openssl: "openssl", folder, bits: 1024, run, onMake: () => undefined }),
    ).rejects.toMatchObject({
      code: "certificate-failed",
      hint: expect.stringContaining("remove"),
    });
  });
});
