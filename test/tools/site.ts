import type { ServerSite } from "../../src/server/index.ts";

/** The part of a site that a server is told, with neutral values but for what is given. */
export function serverSite(more: Partial<ServerSite> = {}): ServerSite {
  return {
    names: [],
    listen: ["127.0.0.1:8443"],
    redirect: [],
    hsts: { maxAge: 0, includeSubdomains: false, preload: false },
    sni: "default",
    ocsp: "auto",
    app: { kind: "about" },
    accessLog: true,
    workers: 1,
    limits: {},
    ...more,
  };
}
