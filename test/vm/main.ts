/**
 * A whole machine under emulation, outside CI (a quarter of an hour): `npm run test:vm`, with TLSFORGE_TEST_PREFIX=/opt/tlsforge.
 * First boot by cloud-init's user data provisions and serves; after a reboot the same generation serves again, with the same grade.
 * Prints `ok NAME` or `not ok NAME: DETAIL` for each check; exit 1 when one fails. Needs root, qemu-system-x86, qemu-utils, debootstrap, genisoimage.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { root } from "../tools/checkout.ts";
import { provisions } from "../e2e/machine/machine.ts";

const image = "tlsforge";
const debvm = join(root, "test", "tools", "debvm");
const packages = "cloud-init python3-minimal libcap2-bin procps";

/** What an administrator would give a new machine. Its files come in while it boots; the last of them is `arrived`. */
const userData = `#cloud-config
write_files:
  - path: /root/site.yaml
    content: |
      server: { listen: ["0.0.0.0:443"], redirect: ["0.0.0.0:80"] }
      host: { packages: never }
runcmd:
  - [sh, -c, "until [ -e /root/arrived ]; do sleep 1; done; HOME=/root /root/tlsforge/bin/tlsforge provision --yes --offline --config /root/site.yaml --json >/root/first.json 2>/root/first.err; echo $? >/root/first.exit"]
`;

async function boot(
  disk: string,
  seed: string,
  script: string,
  copies: readonly (readonly [string, string])[],
): Promise<string> {
  const into = copies.flatMap(([here, there]) => ["--in", `${here}:${there}`]);
  const options = ["--image", image, "--keep", disk, "--cloud-init", seed, "--timeout", "1500", "--verbose"];
  const ran = await execa(debvm, ["run", ...options, ...into, "--", `sh /root/machine/${script}`], {
    all: true,
    reject: false,
  });
  process.stdout.write(`${ran.all}\n# ${script}: ended with ${ran.exitCode ?? "a signal"}\n`);
  return `${ran.all}\n`;
}

const folder = await mkdtemp(join(process.env["TMPDIR"] ?? tmpdir(), "tlsforge-vm-"));
try {
  await execa(debvm, ["image", "--name", image, "--packages", packages], { stdio: "inherit" });
  const seed = join(folder, "user-data");
  const disk = join(folder, "disk.qcow2");
  await writeFile(seed, userData);
  const output = [
    await boot(disk, seed, "vm-first.sh", [...(await provisions(folder)), [seed, "/root/arrived"]]),
    await boot(disk, seed, "vm-second.sh", [[join(root, "test/e2e/machine"), "/root/machine"]]),
  ].join("");
  const passed = output.match(/^ok /gmu)?.length ?? 0;
  const failed = output.match(/^not ok /gmu)?.length ?? 0;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && passed === 11 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
