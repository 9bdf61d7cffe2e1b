/** What holds for every kind of resource that stands in files: plan, apply, undo, drift, every command failing, state that cannot be read. */
import { describe, expect, test } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { applyHost, memoryHost, mergeRecords, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { JournalEntry, MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide, snapshot } from "./tools.ts";

const asked = { origin: "default", demanded: true } as const;
const alpine: MemoryInitial["programs"] = {
  "rc-update": "/sbin/rc-update",
  adduser: "/usr/sbin/adduser",
  addgroup: "/usr/sbin/addgroup",
};
const debian: MemoryInitial["programs"] = {
  systemctl: "/usr/bin/systemctl",
  useradd: "/usr/sbin/useradd",
  groupadd: "/usr/sbin/groupadd",
};
const accounts = { "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "/etc/group": "root:x:0:\ntlsforge:x:998:\n" };
const systemd = { "/run/systemd/system/x": "" };
const freebsd = { os: "freebsd", arch: "x86_64", libc: "none" } as const;

interface Case {
  readonly resource: Resource;
  readonly machine: () => MemoryHost;
  /** The file whose change by hand is drift. */
  readonly file?: string;
  readonly another?: Resource;
}

const unit: Resource & { kind: "unit" } = {
  ...asked,
  kind: "unit",
  id: "unit:tlsforge.service",
  name: "tlsforge",
  text: "[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n",
  enabled: true,
};
const script: Resource & { kind: "rc-script" } = {
  ...asked,
  kind: "rc-script",
  id: "rc-script:tlsforge",
  system: "openrc",
  name: "tlsforge",
  path: "/etc/init.d/tlsforge",
  text: "#!/sbin/openrc-run\nstart() { :; }\n",
  enabled: true,
  settings: { options: 'a "b" $c' },
};

const cases: Readonly<Record<string, Case>> = {
  unit: {
    resource: unit,
    machine: () => memoryHost({ programs: debian, files: systemd }),
    file: "/etc/systemd/system/tlsforge.service",
    another: { ...unit, text: unit.text.replace("/bin/a", "/bin/b") },
  },
  socket: {
    resource: {
      ...asked,
      kind: "socket",
      id: "socket:tlsforge.socket",
      name: "tlsforge",
      text: "[Socket]\nListenStream=443\n[Install]\nWantedBy=sockets.target\n",
      enabled: true,
    },
    machine: () => memoryHost({ programs: debian, files: systemd }),
    file: "/etc/systemd/system/tlsforge.socket",
  },
  "rc-script of OpenRC": {
    resource: script,
    machine: () => memoryHost({ programs: alpine, answers: { "rc-service": { exitCode: 3 } } }),
    file: "/etc/init.d/tlsforge",
    another: { ...script, text: script.text.replace(":", "true") },
  },
  "rc-script of FreeBSD": {
    resource: {
      ...script,
      system: "rc.d",
      path: "/usr/local/etc/rc.d/tlsforge",
      text: "#!/bin/sh\n",
      settings: { tlsforge_enable: "YES" },
    },
    machine: () =>
      memoryHost({
        platform: freebsd,
        packageFamily: "pkg",
        files: { "/etc/rc.conf.d/x": "" },
        answers: { "service tlsforge onestatus": { exitCode: 1 } },
      }),
    file: "/usr/local/etc/rc.d/tlsforge",
  },
  file: {
    resource: {
      ...asked,
      kind: "file",
      id: "file:/etc/a/b.conf",
      path: "/etc/a/b.conf",
      text: "x = 1\n",
      mode: 0o600,
      why: "it is read",
    },
    machine: () => memoryHost({ files: { "/etc/a/x": "" } }),
    file: "/etc/a/b.conf",
  },
  "group of shadow": {
    resource: { ...asked, kind: "group", id: "group:tlsforge", name: "tlsforge" },
    machine: () => memoryHost({ programs: debian, files: { "/etc/group": "root:x:0:\n", "/etc/passwd": "" } }),
  },
  "user of shadow": {
    resource: {
      ...asked,
      kind: "user",
      id: "user:tlsforge",
      name: "tlsforge",
      group: "tlsforge",
      home: "/opt/tlsforge/var",
    },
    machine: () => memoryHost({ programs: debian, files: accounts }),
  },
  "user of busybox": {
    resource: {
      ...asked,
      kind: "user",
      id: "user:tlsforge",
      name: "tlsforge",
      group: "tlsforge",
      home: "/opt/tlsforge/var",
    },
    machine: () => memoryHost({ programs: alpine, files: accounts }),
  },
  "group of FreeBSD": {
    resource: { ...asked, kind: "group", id: "group:tlsforge", name: "tlsforge" },
    machine: () =>
      memoryHost({ platform: freebsd, files: { "/etc/group": "wheel:*:0:root\nx:*:999:\n", "/etc/passwd": "" } }),
  },
  portacl: {
    resource: { ...asked, kind: "portacl", id: "portacl:ports", user: "tlsforge", ports: [443, 80] },
    machine: () => freebsdWithModule("uid:80:tcp:8080"),
  },
};

function freebsdWithModule(rules: string): MemoryHost {
  return memoryHost({
    platform: freebsd,
    packageFamily: "pkg",
    files: {
      "/etc/passwd": "root:*:0:0::/root:/bin/sh\ntlsforge:*:997:997::/nonexistent:/usr/sbin/nologin\n",
      "/boot/loader.conf.d/README": "",
      "/etc/sysctl.conf": { content: "a=1\n", mode: 0o644 },
      "/proc/sys/security/mac/portacl/rules": `${rules}\n`,
      "/proc/sys/security/mac/portacl/port_high": "1023\n",
      "/proc/sys/net/inet/ip/portrange/reservedhigh": "1023\n",
    },
  });
}

describe.each(Object.entries(cases))("%s", (_name, { resource, machine }) => {
  test("is made, stands, is not made twice, and goes without a trace", async () => {
    const host = machine();
    const before = snapshot(host);
    const { plan, records } = await provide(host, resource);
    expect(plan.action).toBe(resource.kind === "portacl" ? "update" : "create");
    expect(await quickCheckHost(host, records)).toEqual([]);
    const count = changes(host).length;
    const again = await provide(host, resource);
    expect(again.plan.action).toBe("none");
    expect(changes(host)).toHaveLength(count);
    expect(await undoHost(host, mergeRecords(records, again.records), ignore)).toEqual([]);
    expect(snapshot(host)).toEqual(before);
    expect((await quickCheckHost(host, records)).length).toBe(1);
  });

  test("killed before its record was written, the next run finds it", async () => {
    const host = machine();
    const before = snapshot(host);
    await provide(host, resource);
    const { records } = await provide(host, resource);
    expect(records).toHaveLength(1);
    await undoHost(host, records, ignore);
    const after = snapshot(host);
    expect(after).toEqual(before);
  });

  test("killed after any of its commands, the next run completes it", async () => {
    const count = (await planOf(machine(), resource)).commands.length;
    for (let done = 0; done < count; done += 1) {
      const host = machine();
      const { commands } = await planOf(host, resource);
      for (const { argv, input } of commands.slice(0, done))
        await host.elevated(argv, "test", input === undefined ? {} : { input });
      const { plan, records } = await provide(host, resource);
      expect(plan.action).not.toBe("none");
      expect(await quickCheckHost(host, records)).toEqual([]);
    }
  });

  test("killed at any command, what was written down before the first one is enough to take it back", async () => {
    const count = (await planOf(machine(), resource)).commands.length;
    for (let done = 0; done < count; done += 1) {
      const host = machine();
      const before = snapshot(host);
      const told: JournalEntry[] = [];
      let left = done;
      const dying: MemoryHost = {
        ...host,
        elevated: (...command) => (left-- > 0 ? host.elevated(...command) : Promise.reject(new Error("killed"))),
      };
      const apply = applyHost(dying, [await planOf(host, resource)], {
        ...ignore,
        journal: async (entry) => void told.push(await Promise.resolve(entry)),
      });
      await expect(apply).rejects.toThrow("killed");
      // What the dying run still told of its taking back never reaches the ledger of one that was killed.
      const intended = told.slice(0, 1).map(({ record }) => record);
      expect(told[0]?.state).toBe("intended");
      expect(await undoHost(host, intended, ignore)).toEqual([]);
      expect(snapshot(host)).toEqual(before);
    }
  });

  test("when one of its commands fails, that is told with what to do, and nothing stays", async () => {
    const { commands } = await planOf(machine(), resource);
    expect(commands.length).toBeGreaterThan(0);
    for (const { argv } of commands) {
      const host = machine();
      const before = snapshot(host);
      host.answers.set(argv.join(" "), { exitCode: 1, stderr: "Read-only file system\n" });
      const error: unknown = await provide(host, resource).catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(ForgeError);
      expect(error).toMatchObject({
        code: "host-failed",
        message: expect.stringContaining(argv.join(" ")) as string,
        hint: expect.stringMatching(/\w+ \w+/) as string,
        details: ["Read-only file system"],
      });
      const left = Object.keys(snapshot(host)).filter((path) => !(path in before));
      // Whether it could be taken back depends on the command that fails: then that stands in its place.
      expect(left.filter((path) => path.endsWith(".tlsforge-new"))).toEqual([]);
    }
  });
});

const withFile = Object.entries(cases).flatMap(([name, { file, ...rest }]) =>
  file === undefined ? [] : [[name, { path: file, ...rest }] as const],
);

describe.each(withFile)("the file of a %s", (_name, { resource, machine, path }) => {
  test("changed by hand: shown, kept beside, replaced; undone it is kept too", async () => {
    const host = machine();
    const first = await provide(host, resource);
    const change = (word: string): string => `${host.files.get(path)?.content ?? ""}${word}\n`;
    const byHand = change("# mine");
    host.files.set(path, { ...host.files.get(path)!, content: byHand });
    expect(await quickCheckHost(host, first.records)).toEqual([{ id: resource.id, stands: false }]);
    const plan = await planOf(host, resource);
    expect(plan).toMatchObject({
      action: "update",
      current: expect.stringContaining('changed by hand: has "# mine"') as string,
      effect: `what was changed by hand is kept as ${path}.tlsforge-saved`,
    });
    const { records } = await provide(host, resource);
    const saved = host.files.get(`${path}.tlsforge-saved`);
    expect(saved?.content).toBe(byHand);
    expect((saved?.mode ?? 0o644) & 0o111).toBe(0);
    expect(host.files.get(path)?.content).not.toContain("# mine");
    expect(records[0]?.data["saved"]).toBe(`${path}.tlsforge-saved`);

    host.files.set(path, { ...host.files.get(path)!, content: change("# again") });
    const events: unknown[] = [];
    await undoHost(host, mergeRecords(first.records, records), { emit: (event) => void events.push(event) });
    expect(host.files.has(path)).toBe(false);
    expect(host.files.get(`${path}.tlsforge-saved-2`)?.content).toContain("# again");
    expect(JSON.stringify(events)).toContain(`kept: ${path}.tlsforge-saved, ${path}.tlsforge-saved-2`);
  });

  test("a file of somebody else's is left alone, by undo too", async () => {
    const host = machine();
    host.files.set(path, { content: "theirs\n" });
    const reason = `${path} is there and was not written by tlsforge`;
    expect(await planOf(host, resource)).toMatchObject({
      action: "blocked",
      reason,
      current: expect.stringContaining("not ours") as string,
    });
    await expect(provide(host, resource)).rejects.toMatchObject({ code: "host-refused" });
    host.files.delete(path);
    const { records } = await provide(host, resource);
    host.files.set(path, { content: "theirs\n" });
    expect(await undoHost(host, records, ignore)).toEqual(records);
    expect(host.files.get(path)?.content).toBe("theirs\n");
    host.files.set(path, { content: "/dev/null", kind: "link" });
    expect(await planOf(host, resource)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("is a link") as string,
    });
  });

  test("with another mode or owner it is put right", async () => {
    const host = machine();
    const { records } = await provide(host, resource);
    const right = host.files.get(path)!;
    host.files.set(path, { ...right, mode: 0o666 });
    expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
    expect(await planOf(host, resource)).toMatchObject({
      action: "update",
      current: expect.stringContaining("mode 0666") as string,
    });
    host.files.set(path, { ...right, uid: 1000 });
    expect(await planOf(host, resource)).toMatchObject({
      action: "update",
      current: expect.stringContaining("not owned by root") as string,
    });
  });
});

const withAnother = Object.entries(cases).flatMap(([name, { another, ...rest }]) =>
  another === undefined ? [] : [[name, { another, ...rest }] as const],
);

describe.each(withAnother)("another %s", (_name, { resource, machine, another }) => {
  test("over two generations it is ours all along, and goes whole", async () => {
    const host = machine();
    const before = snapshot(host);
    const first = await provide(host, resource);
    const second = await provide(host, another);
    expect(second.plan).toMatchObject({
      action: "update",
      current: expect.stringContaining("an earlier one of ours") as string,
    });
    await undoHost(host, mergeRecords(first.records, second.records), ignore);
    expect(snapshot(host)).toEqual(before);
  });
});
