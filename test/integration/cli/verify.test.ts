import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { verify } from "../../../src/cli/commands/verify.ts";
import { contextIn, freshFolder } from "./context.ts";

it("an --html that cannot be written is told before anything is looked at", async () => {
  const folder = await freshFolder();
  await mkdir(join(folder, "taken"));
  await writeFile(join(folder, "file"), "");
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const html of ["nowhere/report.html", "taken", "file/report.html"].map((name) => join(folder, name))) {
    const looked = verify(contextIn(folder), { targets: [target], ca: [], ignoreTrust: false, minGrade: null, html });
    await expect(looked).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(`--html cannot be written: ${html}`) as string,
      hint: expect.stringContaining("name a file") as string,
    });
  }
  expect(connections).toBe(0);
  expect((await readdir(folder)).toSorted()).toEqual(["file", "taken"]);
});
