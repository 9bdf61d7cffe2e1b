/**
 * How `src/` becomes `dist/`: one chunk for what is loaded together, so that a command reads a few files instead of some hundred, and one for
 * each npm package under its own name. A package of this kind needs no node_modules.
 */
import { readdirSync, readFileSync } from "node:fs";
import { defineConfig } from "rolldown";

export default defineConfig({
  input: { main: "src/main.ts", "root-helper": "src/host/root-helper.ts" },
  platform: "node",
  plugins: [{ name: "seal", buildStart: shipSeal }],
  output: {
    dir: "dist",
    format: "esm",
    chunkFileNames: "chunks/[name]-[hash].js",
    codeSplitting: {
      groups: [{ test: /node_modules/, name: packageOf, debugName: "packages" }],
    },
  },
});

/** The perl program that builds run behind, in its files, lies where it lies in `src/`. */
function shipSeal() {
  for (const name of readdirSync("src/build/seal").filter((file) => file.endsWith(".pl"))) {
    const fileName = `build/seal/${name}`;
    this.emitFile({ type: "asset", fileName, source: readFileSync(`src/${fileName}`, "utf8") });
  }
}

/** The npm package that a module belongs to, a scope's slash made a plus: the innermost, as packages nest. */
function packageOf(id) {
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
  return name === undefined ? null : `package-${name.replace("/", "+")}`;
}
