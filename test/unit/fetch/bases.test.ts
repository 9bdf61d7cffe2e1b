import { describe, expect, it } from "vitest";
import { isDebianFamily, parseDeb822, parseSourcesList, registryBases } from "../../../src/fetch/bases.ts";
import { parsePipConfig } from "../../../src/fetch/pip-config.ts";
import { parsePipIndex } from "../../../src/fetch/pip-default.ts";

/** A machine whose files are given; `environment` and `pipDefault` may be too. */
function machine(
  files: Record<string, string>,
  more: { environment?: Record<string, string>; pipDefault?: string } = {},
): Parameters<typeof registryBases>[0] {
  return {
    environment: more.environment ?? {},
    home: "/home/u",
    pipDefault: more.pipDefault ?? null,
    readFile: async (path) => files[path] ?? null,
    list: async (folder) =>
      Object.keys(files).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : [])),
  };
}

const debian = { "/etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\n' };

describe("Debian bases", () => {
  it("come from every source file, once each, in apt's order", async () => {
    const files = {
      ...debian,
      "/etc/apt/sources.list":
        "deb http://a.example/debian bookworm main\n# deb http://no.example/ x main\ndeb-src http://b.example/debian/ bookworm main\n",
      "/etc/apt/sources.list.d/20.list":
        "deb [arch=amd64 signed-by=/k] https://c.example/x stable main # deb\ndeb http://a.example/debian/ x main\ndeb cdrom:[disc]/ x main\n",
      "/etc/apt/sources.list.d/10.sources":
        "Types: deb\nURIs: http://d.example/debian\n  http://e.example/debian\nSuites: x\n",
      "/etc/apt/sources.list.d/old.list.disabled": "deb http://no.example/ x main",
    };
    expect((await registryBases(machine(files))).debian).toEqual([
      "http://a.example/debian",
      "http://b.example/debian",
      "http://d.example/debian",
      "http://e.example/debian",
      "https://c.example/x",
    ]);
  });

  it("are none on machines of another family, whatever files are there", async () => {
    const files = {
      "/etc/os-release": "ID=fedora\nID_LIKE=rhel\n",
      "/etc/apt/sources.list": "deb http://a.example/ x main",
    };
    expect((await registryBases(machine(files))).debian).toEqual([]);
    expect((await registryBases(machine({ "/etc/apt/sources.list": "deb http://a.example/ x main" }))).debian).toEqual(
      [],
    );
  });

  it("are read on relatives of Debian", () => {
    expect(isDebianFamily('ID=ubuntu\nID_LIKE="debian"')).toBe(true);
    expect(isDebianFamily('ID=mint\nID_LIKE="ubuntu debian"')).toBe(true);
    expect(isDebianFamily("ID=nodebian\nPRETTY_NAME=debian")).toBe(false);
  });

  it("of disabled and commented stanzas are left out", () => {
    const text =
      "# URIs: http://no.example\nuris: http://a.example\n# comment\n\nEnabled: no\nURIs: http://no.example\n\n\nEnabled: yes\nURIs: http://b.example";
    expect(parseDeb822(text)).toEqual(["http://a.example", "http://b.example"]);
    expect(parseSourcesList("debian http://no.example x\n deb\thttp://a.example x main")).toEqual(["http://a.example"]);
  });
});

describe("the Python package index", () => {
  const files = {
    "/etc/pip.conf": "[global]\nindex-url = https://etc.example/simple\n",
    "/home/u/.pip/pip.conf": "[global]\nindex-url = https://legacy.example/simple\n",
    "/home/u/.config/pip/pip.conf": "[global]\nindex-url = https://user.example/simple\n",
    "/chosen": "[global]\nindex_url: https://chosen.example/simple\n",
  };
  const order = Object.keys(files) as (keyof typeof files)[];

  it("is pip's own choice at every level", async () => {
    const index = async (
      names: readonly (keyof typeof files)[],
      environment: Record<string, string> = {},
    ): Promise<string | null> =>
      (
        await registryBases(
          machine(Object.fromEntries(names.map((name) => [name, files[name]])), {
            environment,
            pipDefault: "https://default.example/simple",
          }),
        )
      ).pypi;
    expect(await index(order, { PIP_INDEX_URL: "https://env.example/simple", PIP_CONFIG_FILE: "/chosen" })).toBe(
      "https://env.example/simple",
    );
    expect(await index(order, { PIP_CONFIG_FILE: "/chosen" })).toBe("https://chosen.example/simple");
    expect(await index(order)).toBe("https://user.example/simple");
    expect(await index(order.slice(0, 2))).toBe("https://legacy.example/simple");
    expect(await index(order.slice(0, 1))).toBe("https://etc.example/simple");
    expect(await index([])).toBe("https://default.example/simple");
    expect(await index(order, { PIP_CONFIG_FILE: "/dev/null" })).toBe("https://default.example/simple");
    expect(await index(order, { PIP_NO_INDEX: "1" })).toBeNull();
  });

  it("is not taken from other sections or comments", () => {
    expect(
      parsePipConfig(
        "[install]\nindex-url = https://no.example\n[global]\n# index-url = https://no.example\nextra-index-url = https://no.example\n",
      ),
    ).toBeNull();
    expect(parsePipConfig("[global]\ncert = /x\nindex-url=https://a.example/simple/\n")).toBe(
      "https://a.example/simple/",
    );
  });

  it("that pip carries is read from its code", () => {
    const code = (first: string): string =>
      `class PackageIndex:\n    def __init__(self, url):\n\n\nPyPI = PackageIndex(\n    ${first}, file_storage_domain="files.example"\n)\nTestPyPI = PackageIndex("https://test.example/")\n`;
    expect(parsePipIndex(code('"https://index.example/"'))).toBe("https://index.example/simple");
    expect(parsePipIndex(code("'https://index.example'"))).toBe("https://index.example/simple");
    expect(parsePipIndex(code('"http://index.example/"'))).toBeNull();
    expect(parsePipIndex("")).toBeNull();
  });
});
