import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { configDigest, policyFor, renderConfig, serverConfig } from "../../../src/server/index.ts";
import type { ServerConfigInput } from "../../../src/server/index.ts";
import { serverSite } from "../../tools/site.ts";

const input: ServerConfigInput = {
  site: {
    server: serverSite({
      names: ["www.example.org"],
      listen: ["localhost:8443", "[::1]:8443", "*:443"],
      redirect: ["127.0.0.1:8080"],
    }),
  },
  policy: policyFor("intermediate"),
  generation: 3,
  prefix: "/opt/tlsforge",
  certificates: [{ chain: "/c.pem", key: "/k.pem" }],
  libssl: "/opt/tlsforge/lib/libssl-tlsforge.so.3",
  about: { openssl: "3.5.7" },
};

describe("serverConfig", () => {
  it("holds the site's wishes and the prefix's paths, addresses as numbers", () => {
    const config = serverConfig(input);
    expect(config.listen).toEqual(["127.0.0.1:8443", "[::1]:8443", "[::]:443"]);
    expect(config.paths).toEqual({
      run: "/opt/tlsforge/var/run",
      state: "/opt/tlsforge/var/state",
      log: "/opt/tlsforge/var/server.log",
    });
    expect(config.user).toBeNull();
    expect(config.schema).toBe("tlsforge.server/1");
    expect(JSON.parse(renderConfig(config))).toEqual(config);
  });

  it("takes nothing from the site that the server would refuse", () => {
    const server = {
      ...input.site.server,
      profile: "intermediate",
      hsts: { ...input.site.server.hsts, more: 1 },
      app: { kind: "static" as const, directory: "/srv/www" },
    };
    const config = serverConfig({ ...input, site: { server } });
    expect(Object.keys(config.hsts)).toEqual(["maxAge", "includeSubdomains", "preload"]);
    expect(config.app).toEqual({ kind: "static", directory: "/srv/www" });
    expect(Object.keys(config)).not.toContain("profile");
  });

  it("answers for localhost when the site names nothing", () => {
    expect(serverConfig({ ...input, site: { server: { ...input.site.server, names: [] } } }).names).toEqual([
      "localhost",
    ]);
  });

  it("refuses a prefix whose control socket would have too long a path", () => {
    const prefix = `/${"x".repeat(85)}`;
    expect(() => serverConfig({ ...input, prefix })).toThrow(
      expect.objectContaining({ code: "prefix-unusable", hint: "choose a prefix at least 4 bytes shorter" }),
    );
  });

  it("writes where systemd makes a folder for the service, and talks to the journal", () => {
    const user = { name: "tlsforge", uid: 990, gid: 990 };
    const config = serverConfig({ ...input, service: "tlsforge-12345678", user });
    expect(config.paths).toEqual({
      run: "/run/tlsforge-12345678",
      state: "/var/lib/tlsforge-12345678",
      log: null,
    });
    expect(config.user).toEqual(user);
  });

  it("has a digest of the file's bytes, which every change moves", () => {
    const config = serverConfig(input);
    expect(configDigest(config)).toBe(createHash("sha256").update(renderConfig(config)).digest("hex"));
    expect(configDigest(serverConfig({ ...input }))).toBe(configDigest(config));
    expect(configDigest({ ...config, generation: 4 })).not.toBe(configDigest(config));
  });
});
