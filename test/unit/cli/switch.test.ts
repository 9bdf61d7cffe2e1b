import { describe, expect, test } from "vitest";
import { switchFor, type Running } from "../../../src/cli/serve/serve.ts";
import { memoryHost } from "../../../src/host/index.ts";
import {
  policyFor,
  serverConfig,
  supervisorOf,
  type ServerStatus,
  type Supervisor,
} from "../../../src/server/index.ts";
import { serverSite } from "../../tools/site.ts";

const at = (manager: Supervisor["manager"], name = "tlsforge"): Supervisor => supervisorOf(memoryHost(), manager, name);

/** What serves: on these addresses, started by that manager. */
function serving(listen: readonly string[], supervisor: Supervisor | null, redirect?: readonly string[]): Running {
  const status: ServerStatus = {
    pid: 1,
    role: "serving",
    until: null,
    workers: [],
    listen,
    generation: 1,
    certificates: [],
    policy: {},
    configDigest: "",
    libssl: "",
    lastError: null,
    ...(redirect === undefined ? {} : { redirect }),
  };
  return { status, supervisor };
}

/** What is to serve. */
function wanted(listen: readonly string[], supervisor: Supervisor | null, redirect: readonly string[] = []) {
  const config = serverConfig({
    site: { server: serverSite({ listen, redirect }) },
    policy: policyFor("intermediate"),
    generation: 2,
    prefix: "/p",
    certificates: [],
    libssl: "/p/libssl.so",
    about: {},
  });
  return { config, runner: { interpreter: "/p/python", supervisor, user: null } };
}

const https = ["[::]:443"];

test("where nothing serves the server is started, whatever else is new", () => {
  expect(switchFor(null, wanted(https, at("systemd")), { unit: true, socket: true })).toBe("start");
  expect(switchFor(null, wanted(https, null))).toBe("start");
});

describe("the same addresses under the same service manager", () => {
  test.each<[string, Supervisor | null]>([
    ["none", null],
    ["systemd", at("systemd")],
    ["openrc", at("openrc")],
    ["rc.d", at("rc.d")],
  ])("are handed over: %s", (_, supervisor) => {
    expect(switchFor(serving(https, supervisor), wanted(https, supervisor))).toBe("hand-over");
  });

  test("in another order, and with the redirect among them", () => {
    const both = ["127.0.0.1:8443", "[::1]:8443"];
    const running = serving(both, at("systemd"), ["127.0.0.1:8080"]);
    expect(switchFor(running, wanted(both.toReversed(), at("systemd"), ["127.0.0.1:8080"]))).toBe("hand-over");
  });

  test("a changed unit takes effect in a process that is started anew", () => {
    const change = { unit: true };
    expect(switchFor(serving(https, at("systemd")), wanted(https, at("systemd")), change)).toBe("restart");
  });

  test("a socket unit that comes, goes or changes needs the server to stop: systemd opens it at its start only", () => {
    const change = { unit: true, socket: true };
    expect(switchFor(serving(https, at("systemd")), wanted(https, at("systemd")), change)).toBe("relaunch");
    expect(switchFor(serving(https, null), wanted(https, null), { socket: true })).toBe("hand-over");
  });
});

describe("another service manager needs the old server to stop", () => {
  test.each<[string, Supervisor | null, Supervisor | null]>([
    ["the background to systemd", null, at("systemd")],
    ["systemd to the background", at("systemd"), null],
    ["OpenRC to systemd", at("openrc"), at("systemd")],
    ["another name of the service", at("systemd"), at("systemd", "tlsforge-1234abcd")],
  ])("%s", (_, before, after) => {
    expect(switchFor(serving(https, before), wanted(https, after))).toBe("relaunch");
  });
});

describe("an address that overlaps an open one without being it", () => {
  test.each<[string, string]>([
    ["0.0.0.0:443", "[::]:443"],
    ["[::]:443", "0.0.0.0:443"],
    ["127.0.0.1:443", "0.0.0.0:443"],
    ["[::]:443", "[::1]:443"],
  ])("%s -> %s needs the old server to stop", (before, after) => {
    expect(switchFor(serving([before], null), wanted([after], null))).toBe("relaunch");
    // An overlap counts also between a redirect and a listener.
    expect(switchFor(serving([], null, [before]), wanted([after], null))).toBe("relaunch");
    expect(switchFor(serving([before], null), wanted([], null, [after]))).toBe("relaunch");
  });

  test("is none while both are open already", () => {
    const both = ["127.0.0.1:443", "[::1]:443"];
    expect(switchFor(serving(both, null), wanted(["127.0.0.1:443"], null))).toBe("hand-over");
  });

  test("on another port is none", () => {
    expect(switchFor(serving(["0.0.0.0:8443"], null), wanted(["[::]:443"], null))).toBe("hand-over");
  });
});

describe("addresses that move", () => {
  const moves: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["to another port", ["127.0.0.1:8443"], ["127.0.0.1:9443"]],
    ["one more", ["127.0.0.1:8443"], ["127.0.0.1:8443", "127.0.0.1:9443"]],
    ["one fewer", ["127.0.0.1:8443", "127.0.0.1:9443"], ["127.0.0.1:8443"]],
  ];

  test.each(moves)("are the next server's to bind: %s", (_, before, after) => {
    for (const supervisor of [null, at("openrc"), at("rc.d")])
      expect(switchFor(serving(before, supervisor), wanted(after, supervisor))).toBe("hand-over");
  });

  test.each(moves)("are systemd's to open when its socket unit is started: %s", (_, before, after) => {
    expect(switchFor(serving(before, at("systemd")), wanted(after, at("systemd")))).toBe("relaunch");
  });
});
