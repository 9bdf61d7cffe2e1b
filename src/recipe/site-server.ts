/** The written form of a site file's `server`. */
import { z } from "zod";
import { family, mapping, text } from "./fields.ts";
import type { Site } from "./types.ts";

/** RFC 1035 names as certificates use them: labels of letters, digits and hyphens, with a `*` for the first label at most. */
const dnsName = z
  .string()
  .regex(
    /^(?!.{254})(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
    {
      error: "a DNS name such as www.example.org",
    },
  );

/** An IP address and a port; an IPv6 address stands in brackets. */
const listenAddress = z.string().refine((value) => isListenAddress(value), {
  error: 'an address and a port, such as "127.0.0.1:8443" or "[::]:443"',
});

function isListenAddress(value: string): boolean {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(value);
  if (match === null) return false;
  const [, v6, v4, port] = match;
  const address = v6 === undefined ? z.ipv4().safeParse(v4) : z.ipv6().safeParse(v6);
  return address.success && Number(port) <= 65_535;
}

const certificate = family(
  "certificate",
  ["local-ca", "directory"],
  [
    mapping({
      "local-ca": z.literal(true),
      keys: z
        .array(z.enum(["ecdsa", "rsa"]))
        .min(1)
        .default(["ecdsa"])
        .describe("One certificate for each sort of key"),
    }).transform(({ keys }) => ({ kind: "local-ca" as const, keys: [...new Set(keys)] })),
    mapping({ directory: text }).transform(({ directory }) => ({ kind: "directory" as const, directory })),
  ],
);

/** Another server of HTTP/1.1, in plain text: by host and port, or by the path of its Unix socket. */
const upstream = z.string().refine((value) => isUpstream(value), {
  error: '"http://HOST:PORT" with nothing after it, or "unix:/PATH"',
});

function isUpstream(value: string): boolean {
  if (value.startsWith("unix:")) return /^unix:\/[^\p{Cc}]+$/u.test(value);
  const url = URL.parse(value);
  return /^http:\/\/[^/?#@\s]+\/?$/.test(value) && url !== null && url.hostname !== "" && url.port !== "0";
}

const pythonName = "[A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)*";

const app = family(
  "app",
  ["about", "static", "proxy", "websocket-echo", "factory"],
  [
    mapping({ about: z.literal(true) }).transform(() => ({ kind: "about" as const })),
    mapping({ static: text }).transform((value) => ({ kind: "static" as const, directory: value.static })),
    mapping({ proxy: upstream }).transform(({ proxy }) => ({ kind: "proxy" as const, upstream: proxy })),
    mapping({ "websocket-echo": z.literal(true) }).transform(() => ({ kind: "websocket-echo" as const })),
    mapping({
      factory: z.string().regex(new RegExp(`^${pythonName}:${pythonName}$`), {
        error: '"MODULE:ATTRIBUTE", both by their Python names',
      }),
      path: text.nullable().default(null).describe("The folder that the module lies in"),
    }).transform(({ factory, path }) => {
      const [module = "", attribute = ""] = factory.split(":");
      return { kind: "factory" as const, module, attribute, path };
    }),
  ],
);

const bits = "a number of bits from 2048 to 8192 (a server that is only reproduced: from 1024)";

const dhe = z
  .union(
    [
      z.literal("off").transform(() => ({ kind: "off" as const })),
      z.enum(["ffdhe2048", "ffdhe3072"]).transform((group) => ({ kind: "group" as const, group })),
      mapping({ generate: z.int().min(1024, { error: bits }).max(8192, { error: bits }) }).transform((value) => ({
        kind: "generate" as const,
        bits: value.generate,
      })),
      mapping({ file: text }).transform((value) => ({ kind: "file" as const, ...value })),
    ],
    {
      error: `off, ffdhe2048, ffdhe3072, generate with ${bits}, or file with the path of a PEM file`,
    },
  )
  .describe("Finite-field Diffie-Hellman");

const tickets = z
  .union(
    [
      z.literal("off").transform(() => null),
      mapping({ "rotate-hours": z.int().min(1).max(168) }).transform((value) => ({
        rotateHours: value["rotate-hours"],
      })),
    ],
    { error: "off, or rotate-hours with a whole number from 1 to 168 (a week)" },
  )
  .describe("Session tickets, and how often their key is made anew");

/** The largest number that the server takes for any count or size. */
const largest = 10 ** 12;

const hsts = mapping({
  "max-age": z.int().min(0).max(largest).default(63_072_000).describe("Seconds"),
  "include-subdomains": z.boolean().default(true),
  preload: z.boolean().default(false),
}).transform((value) => ({
  maxAge: value["max-age"],
  includeSubdomains: value["include-subdomains"],
  preload: value.preload,
}));

const seconds = z.number().min(0.01).max(86_400);
/** Service managers, and we ourselves, wait somewhat longer for a server that stops, and no longer than two minutes. */
const drainSeconds = seconds.max(90);
const count = z.int().min(1).max(largest);
/** What browsers send without cookies fits: with less every request is refused. */
const leastHeaderBytes = 1 << 10;
/** What a worker holds before it serves anybody, with room to breathe. */
const leastWorkerBytes = 128 << 20;

const limits = mapping({
  "handshake-seconds": seconds.exactOptional(),
  "head-seconds": seconds.exactOptional(),
  "body-seconds": seconds.exactOptional(),
  "request-seconds": seconds.exactOptional(),
  "idle-seconds": seconds.exactOptional(),
  "stall-seconds": seconds.exactOptional(),
  "drain-seconds": drainSeconds.exactOptional(),
  connections: count.exactOptional(),
  "connections-per-address": count.exactOptional(),
  "header-bytes": z.int().min(leastHeaderBytes).max(largest).exactOptional(),
  "body-bytes": count.exactOptional(),
  "worker-bytes": z.int().min(leastWorkerBytes).max(largest).exactOptional(),
})
  .transform((value): Site["server"]["limits"] =>
    Object.fromEntries(Object.entries(value).map(([key, bound]) => [camelCase(key), bound])),
  )
  .describe("Bounds of a connection, a request and a worker; each has a default of the server's own");

function camelCase(key: string): string {
  return key.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export const server = mapping({
  names: z.array(dnsName).min(1).default(["localhost"]).describe("Names that the certificate is for"),
  listen: z.array(listenAddress).min(1).default(["127.0.0.1:8443"]),
  redirect: z.array(listenAddress).default([]).describe("Plain HTTP, redirected to HTTPS"),
  certificate: certificate.prefault({ "local-ca": true }),
  sni: z
    .enum(["default", "strict"])
    .default("default")
    .describe("A client that asks for a name that no certificate has: gets the first one, or is refused"),
  profile: z.enum(["modern", "intermediate", "compatible", "ssllabs-100"]).default("intermediate"),
  dhe: dhe.nullable().default(null),
  tickets: tickets.prefault("off"),
  ocsp: z.enum(["auto", "off"]).default("auto").describe("Staple where a certificate names a responder"),
  curve: text.nullable().default(null).describe("The one curve of a stack of reproduction, by OpenSSL's name"),
  hsts: hsts.prefault({}),
  app: app.prefault({ about: true }),
  "access-log": z.boolean().default(true),
  workers: z
    .union([z.literal("auto").transform(() => 0), z.int().min(1).max(256)], {
      error: "auto, or a whole number from 1 to 256",
    })
    .prefault("auto")
    .describe("Processes that serve; auto: one for each processor"),
  limits: limits.prefault({}),
});
