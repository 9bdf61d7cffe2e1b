import { z } from "zod";
import { splitAddress } from "../address.ts";
import { check, type Instead, type NotYet } from "./check.ts";
import { readDocument, type SourceDocument, type TextFile } from "./document.ts";
import { mapping, name, text } from "./fields.ts";
import { refuse, type Problem } from "./problems.ts";
import { server } from "./site-server.ts";
import type { Span } from "../errors.ts";
import type { Site } from "./types.ts";

const host = mapping({
  packages: z
    .enum(["ask", "install", "never"])
    .default("ask")
    .describe("What happens when compilers or headers are missing"),
  "low-port": z
    .enum(["auto", "socket", "ambient", "sysctl", "file-capability", "portacl", "none"])
    .default("auto")
    .describe("How the server gets at ports that not every user may bind"),
  "loader-path": z.union([z.literal("auto"), z.boolean()], { error: "auto, true or false" }).default("auto"),
  service: z
    .enum(["auto", "systemd", "rc.d", "openrc", "none"])
    .default("auto")
    .describe("Who starts, guards and restarts the server; none: a background process"),
});

/** SSL Labs 2009r, best first. */
const grades = ["A+", "A", "A-", "B", "C", "D", "E", "F"] as const;

/** The written form of the site file. Every key may be left out; an empty file is valid. */
export const siteSchema = mapping({
  stack: name.default("twisted"),
  server: server.prefault({}),
  host: host.prefault({}),
  verify: mapping({
    "min-grade": z.enum(grades).nullable().default(null),
    ca: text.nullable().default(null).describe("PEM file of an authority that is trusted when this site is graded"),
  }).prefault({}),
});

/** What the language knows and this release does not bring, with what to use instead. */
const notYet: NotYet = new Map([
  ["server.certificate.acme", "use one of local-ca: true, directory: FOLDER, which certbot or lego keep up to date"],
  ["server.app.wsgi", 'use proxy: "http://HOST:PORT" to its own server, or factory: "MODULE:ATTRIBUTE"'],
]);

/** What asks for no Strict-Transport-Security. A header with a max-age of 0 ends what browsers were told before (RFC 6797, section 6.1.1). */
const instead: Instead = new Map(
  ["off", "false", "no", "none"].map((word) => [`server.hsts: ${word}`, "hsts: { max-age: 0 } turns it off"]),
);

/**
 * Parses and checks a site file; defaults fill what it leaves out, all of them for `null`. Relative folders are taken from the file's own.
 * Throws one ForgeError `site-invalid` whose `details` hold every problem.
 */
export function parseSite(file: TextFile | null): Site {
  const source = file ?? { text: "", path: "" };
  const document = readDocument(source);
  const written = check(
    siteSchema,
    document.usable && document.value === null ? { ...document, value: {} } : document,
    { notYet, instead },
  );
  const problems =
    written.value === undefined ? written.problems : [...written.problems, ...lintSite(written.value, document)];
  if (written.value === undefined || problems.length > 0) return refuse("site-invalid", problems);
  return toSite(written.value, folderOf(source.path));
}

/** Where a site file says something itself; null where only a default does. For a file that `parseSite` takes. */
export function siteSpan(file: TextFile, ...path: readonly (string | number)[]): Span | null {
  const document = readDocument(file);
  return document.has(path) ? document.locate(path) : null;
}

type WrittenSite = z.output<typeof siteSchema>;

/** Whether one address stands for every address of its port, and the other is one of them. */
function holds(all: string, one: string): boolean {
  const [whole, part] = [splitAddress(all), splitAddress(one)];
  if (whole.port !== part.port) return false;
  return whole.host === "::" || (whole.host === "0.0.0.0" && !part.host.includes(":"));
}

/** Combinations that cannot be served. */
function lintSite(written: WrittenSite, document: SourceDocument): Problem[] {
  const { listen, redirect, hsts: policy } = written.server;
  const problems: Problem[] = [...lintHost(written.host, document), ...lintApp(written.server, document)];
  const all = [
    ...listen.map((address, index) => ({ address, path: ["server", "listen", index] })),
    ...redirect.map((address, index) => ({ address, path: ["server", "redirect", index] })),
  ];
  for (const [index, { address, path }] of all.entries()) {
    if (all.findIndex((other) => other.address === address) < index) {
      problems.push({
        message: `"${address}" is listened on twice`,
        span: document.locate(path),
        expected: "each address once, in listen or in redirect",
      });
      continue;
    }
    const whole = all.find((other) => other.address !== address && holds(other.address, address));
    if (whole !== undefined) {
      problems.push({
        message: `"${address}" is part of "${whole.address}", which takes every address of that port`,
        span: document.locate(path),
        expected: `"${whole.address}" alone`,
        hint: "[::] is IPv4's too; 0.0.0.0 is every IPv4 address",
      });
    }
  }
  if (policy.preload && (!policy.includeSubdomains || policy.maxAge < 31_536_000)) {
    problems.push({
      message: "preload without what the preload list asks for",
      span: document.locateKey(["server", "hsts"], "preload"),
      expected: "include-subdomains: true and a max-age of at least 31536000 (one year)",
      hint: "set both, or leave preload out",
    });
  }
  return problems;
}

/** Ways to low ports that a service manager has not. */
const lowPortsWith: Readonly<
  Record<"systemd" | "openrc" | "rc.d" | "none", readonly WrittenSite["host"]["low-port"][]>
> = {
  // Its unit lets nothing gain privileges, which voids a file capability.
  systemd: ["auto", "socket", "ambient", "sysctl", "none"],
  openrc: ["auto", "ambient", "sysctl", "file-capability", "none"],
  "rc.d": ["auto", "sysctl", "portacl", "none"],
  none: ["auto", "ambient", "sysctl", "file-capability", "portacl", "none"],
};

function lintHost({ service, "low-port": lowPort }: WrittenSite["host"], document: SourceDocument): Problem[] {
  if (service === "auto" || lowPortsWith[service].includes(lowPort)) return [];
  return [
    {
      message: `low-port: ${lowPort} does not go with service: ${service}`,
      span: document.locate(["host", "low-port"]),
      expected: `one of ${lowPortsWith[service].join(", ")}`,
      hint: lowPort === "socket" ? "use service: systemd, or low-port: auto" : "use low-port: auto",
    },
  ];
}

/** A server that passes requests on to itself never ends. */
function lintApp({ app, listen, redirect }: WrittenSite["server"], document: SourceDocument): Problem[] {
  if (app.kind !== "proxy" || app.upstream.startsWith("unix:")) return [];
  const { host } = new URL(app.upstream.replace("//localhost", "//127.0.0.1"));
  const upstream = /:\d+$/.test(host) ? host : `${host}:80`;
  const own = [...listen, ...redirect].find((address) => address === upstream || holds(address, upstream));
  if (own === undefined) return [];
  return [
    {
      message: `the upstream ${app.upstream} is this server itself, which listens on "${own}"`,
      span: document.locate(["server", "app", "proxy"]),
      hint: "name the address of the server behind this one",
    },
  ];
}

function toSite(written: WrittenSite, folder: string): Site {
  const { dhe, certificate, app, "access-log": accessLog, ...rest } = written.server;
  const below = (path: string): string => (path.startsWith("/") || folder === "" ? path : `${folder}/${path}`);
  return {
    stack: written.stack,
    server: {
      ...rest,
      dhe: dhe?.kind === "file" ? { ...dhe, file: below(dhe.file) } : dhe,
      certificate:
        certificate.kind === "directory" ? { ...certificate, directory: below(certificate.directory) } : certificate,
      app:
        app.kind === "static"
          ? { ...app, directory: below(app.directory) }
          : app.kind === "factory" && app.path !== null
            ? { ...app, path: below(app.path) }
            : app,
      accessLog,
    },
    host: {
      packages: written.host.packages,
      lowPort: written.host["low-port"],
      loaderPath: written.host["loader-path"],
      service: written.host.service,
    },
    verify: { minGrade: written.verify["min-grade"], ca: written.verify.ca === null ? null : below(written.verify.ca) },
  };
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end > 0 ? path.slice(0, end) : "";
}
