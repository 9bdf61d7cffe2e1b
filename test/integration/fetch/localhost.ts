/** A certificate for localhost that signs itself, for tests alone; valid for a hundred years. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUVbdXtPEwDUsqIPrJ8F2PByq/YSkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE2MjExNVoYDzIxMjYxMDMw
MTYyMTE1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARfpFkYfowcYaGY9JMNf34aTsveNv5uYkpgfplDWjqeTPb83sGTvwry
tZR6yhTtN95EJpDQODXoIqx7XM1S9VOHo28wbTAdBgNVHQ4EFgQU+VCIZn2kQzyu
3wWZW1P3mhmZa7AwHwYDVR0jBBgwFoAU+VCIZn2kQzyu3wWZW1P3mhmZa7AwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAKY7ExMKd8Ewim7uuLnx5l+gFZVZTH8vQnOcxQCZA+8PAiBx
xz8jSmq/p1OoTSM//1tz2SjN/1ZSPSH7VxNkUMWdqA==
-----END CERTIFICATE-----
`;

/** Its key: no secret, as nothing but these tests trusts the certificate. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggekc3/EUTCCKrjDO
crATP65RArkIcImPLgaXRgEQY5ahRANCAARfpFkYfowcYaGY9JMNf34aTsveNv5u
YkpgfplDWjqeTPb83sGTvwrytZR6yhTtN95EJpDQODXoIqx7XM1S9VOH
-----END PRIVATE KEY-----
`;
