/** Genuine servers, each with settings that make its facts worth comparing. */
import { realpathSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { testPrefix, which, type Need } from "../needs.ts";
import { fetchBinary, type BinaryName } from "./binaries.ts";
import {
  apacheConfiguration,
  caddyConfiguration,
  haproxyConfiguration,
  javaKey,
  nginxConfiguration,
  stunnelConfiguration,
} from "./configurations.ts";
import { startOn, startSaying, type Server } from "./process.ts";

export interface Fixture {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Starts the server on a port of 127.0.0.1; its files go to `folder`. */
  readonly start: (folder: string) => Promise<Server>;
}

/** The ones that are started in every run of the tests; the others cost minutes. */
export const liveFixtures: readonly string[] = ["node-0.10.28", "node-0.12.13", "openssl"];

const material = join(import.meta.dirname, "..", "..", "fixtures", "fleet");
const [rsaCertificate, rsaKey, ecdsaCertificate, ecdsaKey, dh1024] = [
  "rsa.pem",
  "rsa.key",
  "ecdsa.pem",
  "ecdsa.key",
  "dh1024.pem",
].map((file) => join(material, file)) as [string, string, string, string, string];

const rsaMaterial = { certificate: rsaCertificate, key: rsaKey };
const ecdsaMaterial = { certificate: ecdsaCertificate, key: ecdsaKey };
const rsa = ["-cert", rsaCertificate, "-key", rsaKey];
const ecdsa = ["-cert", ecdsaCertificate, "-key", ecdsaKey];
const secondCertificate = ["-dcert", ecdsaCertificate, "-dkey", ecdsaKey];
const denoOptions = ["--quiet", "--no-config", "--no-lock", "--no-remote", "--allow-net=127.0.0.1", "--allow-read"];
const everything = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

export const fixtures: readonly Fixture[] = [
  oldNode("node-0.8.28", { ciphers: "ALL:COMPLEMENTOFALL" }),
  oldNode("node-0.10.28", { ciphers: "ALL:COMPLEMENTOFALL" }),
  oldNode("node-0.10.29", {}),
  oldNode("node-0.12.13", { ciphers: "ALL:!aNULL:!eNULL", dhparam: dh1024 }),
  oldNode("node-6.16.0", {}),
  oldNode("node-10.24.1", { ciphers: "DEFAULT@SECLEVEL=0", minVersion: "TLSv1", dhparam: dh1024 }),
  oldNode("node-16.20.2", { key: ecdsaKey, cert: ecdsaCertificate }),
  {
    name: "node",
    needs: [],
    start: () => nodeServer(process.execPath, {}),
  },
  sServer("openssl", rsa),
  sServer("openssl-everything", [
    ...rsa,
    ...secondCertificate,
    "-cipher",
    everything,
    "-min_protocol",
    "TLSv1",
    "-dhparam",
    dh1024,
    "-serverpref",
    "-legacy_renegotiation",
    "-client_renegotiation",
  ]),
  sServer("openssl-hardened", [
    ...ecdsa,
    "-cipher",
    "ECDHE+AESGCM:ECDHE+CHACHA20",
    "-groups",
    "X25519:P-256:P-384",
    "-serverpref",
    "-num_tickets",
    "1",
  ]),
  sServer("openssl-chacha", [
    ...rsa,
    "-cipher",
    "ECDHE+AESGCM:ECDHE+CHACHA20",
    "-no_tls1_3",
    "-serverpref",
    "-prioritize_chacha",
    "-no_ticket",
  ]),
  sServer("openssl-tls13", [...ecdsa, "-tls1_3", "-num_tickets", "0", "-no_renegotiation"]),
  sServer("openssl-cbc", [...rsa, "-tls1_2", "-cipher", "AES128-SHA:DES-CBC3-SHA:AES256-SHA256:@SECLEVEL=0"]),
  sServer("openssl-new", rsa, "prefix"),
  sServer(
    "openssl-new-everything",
    [...rsa, ...secondCertificate, "-cipher", everything, "-min_protocol", "TLSv1", "-serverpref"],
    "prefix",
  ),
  {
    name: "nginx",
    needs: ["nginx"],
    start: (folder) =>
      startOn(async (port) => {
        const file = join(folder, "nginx.conf");
        await writeFile(file, nginxConfiguration(folder, port, rsaMaterial));
        return { program: program("nginx"), argv: ["-c", file, "-p", folder, "-e", "stderr"] };
      }),
  },
  {
    name: "gnutls",
    needs: ["gnutls-serv"],
    start: () =>
      startOn((port) => ({
        program: program("gnutls-serv"),
        argv: [
          "--http",
          "--quiet",
          "--port",
          String(port),
          "--x509certfile",
          rsaCertificate,
          "--x509keyfile",
          rsaKey,
          "--priority",
          "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1",
        ],
      })),
  },
  {
    name: "stunnel",
    needs: ["stunnel4"],
    start: (folder) =>
      startOn(async (port) => {
        const file = join(folder, "stunnel.conf");
        await writeFile(file, stunnelConfiguration(port, port, rsaMaterial));
        return { program: program("stunnel4"), argv: [file] };
      }),
  },
  {
    name: "haproxy",
    needs: ["haproxy"],
    start: (folder) =>
      startOn(async (port) => {
        const file = join(folder, "haproxy.cfg");
        await writeFile(file, await haproxyConfiguration(folder, port, rsaMaterial));
        return { program: program("haproxy"), argv: ["-db", "-f", file] };
      }),
  },
  {
    name: "apache",
    needs: ["apache2"],
    start: (folder) =>
      startOn(async (port) => {
        const file = join(folder, "apache.conf");
        await writeFile(file, apacheConfiguration(folder, port, rsaMaterial));
        return { program: program("apache2"), argv: ["-X", "-f", file] };
      }),
  },
  {
    name: "go",
    needs: ["caddy"],
    start: (folder) =>
      startOn(async (port) => {
        const file = join(folder, "Caddyfile");
        await writeFile(file, caddyConfiguration(port, rsaMaterial));
        return {
          program: program("caddy"),
          argv: ["run", "--adapter", "caddyfile", "--config", file],
          environment: { XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
        };
      }),
  },
  {
    name: "rustls",
    needs: ["deno-2.9.6"],
    start: async (folder) =>
      startSaying(
        {
          program: await fetchBinary("deno-2.9.6"),
          argv: ["run", ...denoOptions, join(material, "server.deno.js"), rsaCertificate, rsaKey],
          environment: { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: "1" },
        },
        /^PORT (\d+)$/m,
      ),
  },
  {
    name: "boringssl",
    needs: ["bun-1.4.5"],
    start: async () => nodeServer(await fetchBinary("bun-1.4.5"), {}),
  },
  javaServer("java", []),
  javaServer("java-everything", ["everything"]),
];

/** The fixture of this name. */
export function fixtureNamed(name: string): Fixture {
  const found = fixtures.find((fixture) => fixture.name === name);
  if (found === undefined) throw new Error(`no fixture ${name}: ${fixtures.map((fixture) => fixture.name).join(", ")}`);
  return found;
}

function oldNode(name: BinaryName, options: Readonly<Record<string, string>>): Fixture {
  return { name, needs: [name], start: async () => nodeServer(await fetchBinary(name), options) };
}

function nodeServer(node: string, options: Readonly<Record<string, string>>): Promise<Server> {
  const all = { key: rsaKey, cert: rsaCertificate, ...options };
  const argv = [join(material, "server.cjs"), JSON.stringify(all)];
  return startSaying({ program: node, argv, environment: { NODE_OPTIONS: "" } }, /^PORT (\d+)$/m);
}

/** OpenSSL's own server: Debian's, or the one of the prefix that tests were given. The machine's configuration is left out. */
function sServer(name: string, argv: readonly string[], from: "openssl" | "prefix" = "openssl"): Fixture {
  return {
    name,
    needs: [from],
    start: () =>
      startSaying(
        {
          program: from === "prefix" ? join(testPrefix(), "bin", "openssl") : program("openssl"),
          argv: ["s_server", "-accept", "127.0.0.1:0", "-www", ...argv],
          environment: { OPENSSL_CONF: "/dev/null" },
        },
        /^ACCEPT .*:(\d+)$/m,
      ),
  };
}

/** Java's own HTTPS server, run from its source; `everything` takes all that this Java still has, whatever its defaults forbid. */
function javaServer(name: string, more: readonly string[]): Fixture {
  return {
    name,
    needs: ["javac"],
    start: async (folder) => {
      const properties = join(folder, "java.security");
      await writeFile(properties, more.length === 0 ? "" : "jdk.tls.disabledAlgorithms=\njdk.tls.legacyAlgorithms=\n");
      const keys = [await javaKey(folder, rsaMaterial), await javaKey(folder, ecdsaMaterial)] as const;
      const argv = [rsaCertificate, keys[0], ecdsaCertificate, keys[1], ...more];
      return startSaying(
        {
          program: join(dirname(realpathSync(program("javac"))), "java"),
          argv: ["-Xshare:auto", `-Djava.security.properties=${properties}`, join(material, "Server.java"), ...argv],
        },
        /^PORT (\d+)$/m,
      );
    },
  };
}

function program(name: Need): string {
  const path = which(name);
  if (path === null) throw new Error(`${name} is not installed`);
  return path;
}
