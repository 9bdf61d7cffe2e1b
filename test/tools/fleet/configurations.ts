/** Configuration files of servers that take their settings from one. */
import { createPrivateKey } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

export interface Material {
  readonly certificate: string;
  readonly key: string;
}

/** TLS 1.0 to 1.3, the server's order, security headers. */
export function nginxConfiguration(folder: string, port: number, rsa: Material): string {
  return `
daemon off;
worker_processes 1;
pid ${join(folder, "nginx.pid")};
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder};
  proxy_temp_path ${folder};
  fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder};
  scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${rsa.certificate};
    ssl_certificate_key ${rsa.key};
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_ciphers HIGH:!aNULL:@SECLEVEL=0;
    ssl_prefer_server_ciphers on;
    ssl_session_cache shared:fleet:1m;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
    location / { return 200 "fleet\\n"; }
  }
}
`;
}

export function stunnelConfiguration(port: number, backend: number, rsa: Material): string {
  return `
foreground = yes
pid =
[fleet]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${backend}
cert = ${rsa.certificate}
key = ${rsa.key}
sslVersionMin = TLSv1.2
ciphers = ECDHE+AESGCM:DHE+AESGCM
curves = P-384:P-256
`;
}

/** Writes the file too that holds key and certificate together. */
export async function haproxyConfiguration(folder: string, port: number, rsa: Material): Promise<string> {
  const both = join(folder, "both.pem");
  await writeFile(both, (await readFile(rsa.certificate, "utf8")) + (await readFile(rsa.key, "utf8")));
  return `
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend fleet
  bind 127.0.0.1:${port} ssl crt ${both} ssl-min-ver TLSv1.2 alpn h2,http/1.1 curves X25519:P-256
  http-request return status 200 content-type text/plain string fleet
`;
}

export function apacheConfiguration(folder: string, port: number, rsa: Material): string {
  const modules = "/usr/lib/apache2/modules";
  return `
ServerRoot ${folder}
ServerName localhost
PidFile ${join(folder, "apache.pid")}
ErrorLog ${join(folder, "error.log")}
Listen 127.0.0.1:${port}
DefaultRuntimeDir ${folder}
DocumentRoot ${folder}
LoadModule mpm_event_module ${modules}/mod_mpm_event.so
LoadModule authz_core_module ${modules}/mod_authz_core.so
LoadModule socache_shmcb_module ${modules}/mod_socache_shmcb.so
LoadModule ssl_module ${modules}/mod_ssl.so
<VirtualHost 127.0.0.1:${port}>
  SSLEngine on
  SSLProtocol -all +TLSv1.2 +TLSv1.3
  SSLCipherSuite HIGH:!aNULL:!kRSA
  SSLHonorCipherOrder off
  SSLCertificateFile ${rsa.certificate}
  SSLCertificateKeyFile ${rsa.key}
</VirtualHost>
`;
}

/** What Caddy does of itself, but for certificates that it would get or make. */
export function caddyConfiguration(port: number, rsa: Material): string {
  return `
{
  admin off
  auto_https off
  servers {
    protocols h1 h2
  }
}
:${port} {
  bind 127.0.0.1
  tls ${rsa.certificate} ${rsa.key}
  respond fleet
}
`;
}

/** Java reads keys as PKCS #8 alone; gives the new file's path. */
export async function javaKey(folder: string, { key }: Material): Promise<string> {
  const path = join(folder, basename(key));
  await writeFile(path, createPrivateKey(await readFile(key)).export({ type: "pkcs8", format: "pem" }));
  return path;
}
