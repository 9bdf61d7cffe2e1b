"""HTTP clients of other makes against the server: what it says reaches each of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Running

Start = Callable[..., Running]

_GO = """
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	client := &http.Client{Transport: transport}
	for range [2]int{} {
		answer, err := client.Get(os.Args[1])
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(answer.StatusCode, answer.Proto, answer.TLS.Version == tls.VersionTLS13, int64(len(body)) == answer.ContentLength)
	}
}
"""


def url_of(running: Running) -> str:
    return f"https://localhost:{running.port()}/"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("options", [["--tlsv1.3"], ["--tls-max", "1.2"], ["--http1.1", "--no-alpn"], ["--http2"]])
def test_curl(start: Start, options: list[str]) -> None:
    url = url_of(start().wait_ready())
    told = subprocess.run(["curl", "--insecure", "--silent", "--include", *options, url, url], capture_output=True, timeout=20, check=True)
    assert told.stdout.count(b"HTTP/1.1 200 OK") == 2 and told.stdout.count(b"</html>") == 2


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go")
def test_go(start: Start, tmp_path: Path) -> None:
    running = start().wait_ready()
    (tmp_path / "main.go").write_text(_GO)
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", "client", "main.go"], cwd=tmp_path, env=environment, capture_output=True, timeout=240, check=True)
    told = subprocess.run([str(tmp_path / "client"), url_of(running)], capture_output=True, text=True, timeout=20, check=True)
    assert told.stdout.splitlines() == ["200 HTTP/1.1 true true"] * 2


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_chromium(start: Start, tmp_path: Path) -> None:
    running = start().wait_ready()
    argv = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", f"--user-data-dir={tmp_path}", "--dump-dom"]
    told = subprocess.run([*argv, url_of(running)], capture_output=True, text=True, timeout=60, check=True)
    assert "<h1" in told.stdout and "tlsforge" in told.stdout
