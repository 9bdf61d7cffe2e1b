import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { describeWith } from "../../tools/needs.ts";
import { freshFolder } from "./helpers.ts";

const terminal = new URL("../../e2e/terminal.py", import.meta.url).pathname;
const seal = new URL("../../../src/build/seal/seal.pl", import.meta.url).pathname;
const deny = new URL("./deny.pl", import.meta.url).pathname;
const [arch, ioctls] = process.arch === "x64" ? ["x86_64", "16, 514, 1 << 30 | 514"] : ["aarch64", "29"];

/** Types into its own terminal in every way that its kernel might take, and shows with what error each went. */
const typing = `
import ctypes, mmap, struct
libc = ctypes.CDLL(None, use_errno=True)
line = ctypes.create_string_buffer(b"x")
for number in [${ioctls}]:
    for request in 0x5412, 1 << 32 | 0x5412, 0x541C, 1 << 63 | 0x541C:
        done = libc.syscall(ctypes.c_long(number), 0, ctypes.c_ulong(request), line)
        print("went through" if done == 0 else f"error {ctypes.get_errno()}")
if "${arch}" == "x86_64":
    # The call of 32-bit programs: eax 54, ebx 0, ecx the request, edx where the byte is.
    code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)
    at = ctypes.addressof(ctypes.c_char.from_buffer(code))
    code[256:257] = b"x"
    code[:22] = b"\\x53\\xb8\\x36\\0\\0\\0\\x31\\xdb\\xb9\\x12\\x54\\0\\0\\xba" + struct.pack("<I", at + 256) + b"\\xcd\\x80\\x5b\\xc3"
    done = ctypes.CFUNCTYPE(ctypes.c_int)(at)()
    print("went through" if done == 0 else f"error {-done}")
libc.ioctl(0, 0x5413, ctypes.create_string_buffer(8)) == 0 and print("all is tried")
`;

describeWith(["linux", "perl", "python3"], "a sealed shell", () => {
  it.each([
    ["namespaces", ["--namespaces"]],
    ["Landlock alone", []],
    ["Landlock alone, with the network", ["--network"]],
  ])("types nothing into its terminal for whoever has that afterwards (%s)", async (_, flags) => {
    const folder = await freshFolder();
    const steps = [["all is tried", "mine\n"]];
    const outer = ["sh", "-c", '"$@"; read line; echo "read <$line>"', "sh"];
    const sealed = ["perl", seal, "--arch", arch, ...flags, "--shell", "--", "python3", "-c", typing];
    const argv = [terminal, JSON.stringify(steps), ...outer, ...sealed];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: `write ${folder}\nin ${folder}\n` };
    const { stdout } = await promisify(execFile)("python3", argv, { env });
    const lines = stdout.split("\r\n");
    // EPERM; ENOSYS for calls of other processors.
    expect(lines.filter((line) => line !== "error 1" && line !== "error 38").slice(0, -1)).toEqual([
      "all is tried",
      "mine",
      "read <mine>",
    ]);
    expect(lines.filter((line) => line === "error 1")).not.toEqual([]);
  });

  it.each([["--namespaces"], []])("cannot be made where the kernel filters no system calls (%s)", async (...flags) => {
    const prctl = process.arch === "x64" ? 157 : 167;
    // EINVAL for PR_SET_SECCOMP.
    const argv = [deny, `${prctl}:22:22`, "--", "perl", seal, "--arch", arch, ...flags, "--shell", "--", "true"];
    const env = { PATH: "/usr/bin:/bin", TLSFORGE_SEAL: "" };
    await expect(promisify(execFile)("perl", argv, { env })).rejects.toMatchObject({
      code: 125,
      stderr: "tlsforge: the seal could not be made: a filter of system calls: Invalid argument\n",
    });
  });
});
