import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyCheckout, inCleanRoot } from "../tools/checkout.ts";
import { describeWith } from "../tools/needs.ts";

const tools = ["vitest", "tsc", "oxlint", "knip", "oxfmt"];
const askTools = tools.map((name) => `node_modules/.bin/${name} --version`).join(" && ");

describeWith(["all", "cleanroot", "git"], "setup in a root that has Debian's Node 18 and npm, and nothing else", () => {
  let checkout: string;

  beforeAll(async () => {
    checkout = await mkdtemp(join(tmpdir(), "tlsforge-checkout-"));
    await copyCheckout(checkout);
  });

  afterAll(async () => {
    await rm(checkout, { recursive: true, force: true });
  });

  test.each(["root", "alice"])("as %s: every tool runs, and a second run does nothing", async (user) => {
    const home = user === "root" ? "/root" : `/home/${user}`;
    const steps = ["cd tlsforge", "node --version", "node tools/setup.mjs", 'test -z "$(node tools/setup.mjs 2>&1)"'];
    const refused = '{ node dist/main.js status 2>&1 | grep -q "tlsforge needs Node"; }';
    const line = [...steps, refused, "PATH=$PWD/tools/node/node_modules/.bin:$PATH", askTools, "node --version"].join(
      " && ",
    );
    const { exitCode, output } = await inCleanRoot(line, { user, into: [[checkout, `${home}/tlsforge`]] });
    expect(output).toMatch(/^v18\./u);
    expect(output).toMatch(/v24\.\d+\.\d+$/u);
    expect(exitCode).toBe(0);
  });

  test("without a network it says what could not be reached", async () => {
    const { exitCode, output } = await inCleanRoot("node tlsforge/tools/setup.mjs", {
      network: false,
      into: [[checkout, "/root/tlsforge"]],
    });
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^hint: the package registry could not be reached/mu);
  });
});
