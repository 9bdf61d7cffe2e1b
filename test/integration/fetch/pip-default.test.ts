import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { pipDefaultIndex } from "../../../src/fetch/index.ts";
import { tarOf, zipOf } from "./archives.ts";
import { names, scratch } from "./support.ts";

const code = (host: string): string => `PyPI = PackageIndex("https://${host}/", file_storage_domain="files.example")\n`;

/** A source archive that holds what is asked for in CPython's: a pip wheel among other members. */
function pythonSource(wheel: Buffer): Buffer {
  return gzipSync(
    tarOf([
      { name: "Python-3.99.0/README", content: "x" },
      { name: "Python-3.99.0/Lib/ensurepip/_bundled/pip-99.0-py3-none-any.whl", content: wheel },
      { name: "Python-3.99.0/setup.py", content: "x" },
    ]),
  );
}

describe("the index that pip carries", () => {
  it("is read from an installed pip", async () => {
    const root = await scratch();
    const folder = join(root, "lib/python3.12/site-packages/pip/_internal/models");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "index.py"), code("installed.example"));
    expect(await pipDefaultIndex({ home: root, roots: [join(root, "none"), join(root, "lib")] })).toBe(
      "https://installed.example/simple",
    );
  });

  it("is read from the wheel in CPython's sources, once", async () => {
    const root = await scratch();
    const archive = join(root, "source");
    await writeFile(
      archive,
      pythonSource(
        zipOf([
          { name: "pip/__init__.py" },
          { name: "pip/_internal/models/index.py", content: code("bundled.example") },
        ]),
      ),
    );
    expect(await pipDefaultIndex({ home: root, roots: [], pythonSource: archive })).toBe(
      "https://bundled.example/simple",
    );
    expect(await readFile(`${archive}.pip-default`, "utf8")).toBe("https://bundled.example/simple\n");
    await writeFile(archive, "gone");
    expect(await pipDefaultIndex({ home: root, roots: [], pythonSource: archive })).toBe(
      "https://bundled.example/simple",
    );
  });

  it("is unknown when no pip says it", async () => {
    const root = await scratch();
    const archive = join(root, "source");
    expect(await pipDefaultIndex({ home: root, roots: [root] })).toBeNull();
    for (const bytes of [
      pythonSource(zipOf([{ name: "pip/__init__.py" }])),
      gzipSync(tarOf([{ name: "a" }])),
      Buffer.from("no archive"),
    ]) {
      await writeFile(archive, bytes);
      expect(await pipDefaultIndex({ home: root, roots: [], pythonSource: archive })).toBeNull();
    }
    expect(await names(root)).toEqual(["source"]);
  });
});
